using System.Buffers.Binary;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Compression;
using Grpc.Tests.Protos;

namespace Grpc.Tests;

/// <summary>Compressed messages, from our client and from a foreign one.</summary>
public sealed class CompressionTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_gzip_request_of_a_foreign_client_is_understood()
    {
        await using var server = await EchoServer.StartAsync();
        using var http = new HttpClient(EchoServer.HandlerFor(server.SocketPath));
        using var content = new ByteArrayContent(
            Frame(Gzip(new EchoRequest { Text = new string('z', 1000) }.ToByteArray()), compressed: true));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        using var request = new HttpRequestMessage(HttpMethod.Post, "http://localhost/grpctests.v1.Echo/Say")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        request.Headers.Add("grpc-encoding", "gzip");

        using var response = await http.SendAsync(request, Token);
        var body = await response.Content.ReadAsByteArrayAsync(Token);

        Assert.Equal("0", Assert.Single(response.TrailingHeaders.GetValues("grpc-status")));
        Assert.Equal(0, body[0]);
        Assert.Equal(body.Length - 5, BinaryPrimitives.ReadInt32BigEndian(body.AsSpan(1)));
        Assert.Equal(new string('z', 1000), EchoReply.Parser.ParseFrom(body, 5, body.Length - 5).Text);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("deflate")]
    public async Task A_client_that_compresses_its_requests_is_understood(string encoding)
    {
        await using var server = await EchoServer.StartAsync();
        var headers = new Metadata { { "grpc-internal-encoding-request", encoding } };

        var reply = await server.Client.SayAsync(
            new EchoRequest { Text = new string('z', 1000) }, headers, cancellationToken: Token);

        Assert.Equal(new string('z', 1000), reply.Text);
        Assert.Equal(encoding, server.Service.LastEncoding);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("deflate")]
    public async Task A_server_that_compresses_its_responses_is_understood(string encoding)
    {
        await using var server = await EchoServer.StartAsync(options =>
        {
            options.ResponseCompressionAlgorithm = encoding;
            options.ResponseCompressionLevel = CompressionLevel.SmallestSize;
        });

        var reply = await server.Client.SayAsync(
            new EchoRequest { Text = new string('z', 1000) }, cancellationToken: Token);

        Assert.Equal(new string('z', 1000), reply.Text);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("deflate")]
    public void What_a_provider_compresses_it_can_decompress(string encoding)
    {
        ICompressionProvider provider = encoding == "gzip"
            ? new GzipCompressionProvider(CompressionLevel.Fastest)
            : new DeflateCompressionProvider(CompressionLevel.Fastest);
        byte[] message = [.. Enumerable.Range(0, 100_000).Select(i => (byte)(i / 1000))];
        using var packed = new MemoryStream();

        using (var stream = provider.CreateCompressionStream(packed, null))
        {
            stream.Write(message);
        }

        packed.Position = 0;
        using var unpacked = new MemoryStream();
        using (var stream = provider.CreateDecompressionStream(packed))
        {
            stream.CopyTo(unpacked);
        }

        Assert.Equal(encoding, provider.EncodingName);
        Assert.Equal(message, unpacked.ToArray());
    }

    private static byte[] Gzip(byte[] message)
    {
        using var packed = new MemoryStream();
        using (var stream = new GZipStream(packed, CompressionLevel.Optimal))
        {
            stream.Write(message);
        }

        return packed.ToArray();
    }

    // gRPC over HTTP/2: one byte "compressed?", four bytes length in network order, then the message.
    private static byte[] Frame(byte[] message, bool compressed)
    {
        var frame = new byte[5 + message.Length];
        frame[0] = compressed ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), message.Length);
        message.CopyTo(frame, 5);
        return frame;
    }
}
