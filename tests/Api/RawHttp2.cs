// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using UdpTunnel.Tests.Api.Daemon;

namespace UdpTunnel.Tests.Api;

/// <summary>
/// A connection that speaks HTTP/2 by hand (RFC 9113) and gRPC on it, to do what well-behaved clients do not.
/// </summary>
internal sealed class RawHttp2 : IDisposable
{
    private const byte Data = 0;
    private const byte Headers = 1;
    private const byte ResetStream = 3;
    private const byte Settings = 4;
    private const byte EndStream = 1;
    private const byte EndHeaders = 4;
    private const int FrameHeader = 9;

    private readonly Socket _socket;
    private readonly NetworkStream _stream;
    private int _lastStream = -1;

    /// <summary>The header blocks of all answers; the server writes values as they are (no Huffman coding).</summary>
    public string AnswerHeaders { get; private set; } = "";

    private RawHttp2(Socket socket)
    {
        _socket = socket;
        _stream = new NetworkStream(socket, ownsSocket: false);
    }

    /// <summary>Connects.</summary>
    /// <param name="socketPath">Where.</param>
    /// <param name="streamWindow">
    /// Bytes of each answer that this client takes before it says that it takes more, which it never does.
    /// </param>
    /// <param name="cancellation">Ends it.</param>
    public static async Task<RawHttp2> ConnectAsync(string socketPath, int streamWindow, CancellationToken cancellation)
    {
        var connection = new RawHttp2(await ControlChannel.ConnectAsync(socketPath, cancellation));
        var settings = new byte[6];
        settings[1] = 4;
        BinaryPrimitives.WriteInt32BigEndian(settings.AsSpan(2), streamWindow);
        await connection._stream.WriteAsync(
            (byte[])[.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, .. Frame(Settings, 0, 0, settings)],
            cancellation
        );
        return connection;
    }

    /// <summary>Begins a call.</summary>
    /// <param name="method">For example "udptunnel.v1.TunnelService/StartTunnel".</param>
    /// <param name="length">The length that the message says it has.</param>
    /// <param name="message">What is sent of it.</param>
    /// <param name="ends">Whether the request ends there.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>The number of the stream.</returns>
    public async Task<int> CallAsync(
        string method,
        int length,
        byte[] message,
        bool ends,
        CancellationToken cancellation
    )
    {
        _lastStream += 2;
        var prefix = new byte[5];
        BinaryPrimitives.WriteInt32BigEndian(prefix.AsSpan(1), length);
        await _stream.WriteAsync(
            (byte[])
                [
                    .. Frame(Headers, EndHeaders, _lastStream, HeaderBlock("/" + method)),
                    .. Frame(Data, ends ? EndStream : (byte)0, _lastStream, [.. prefix, .. message]),
                ],
            cancellation
        );
        return _lastStream;
    }

    /// <summary>Reads until a stream has ended, or the connection.</summary>
    /// <returns>Whether it was the stream.</returns>
    public async Task<bool> EndsAsync(int stream, TimeSpan patience)
    {
        using var deadline = new CancellationTokenSource(patience);
        var header = new byte[FrameHeader];
        try
        {
            while (true)
            {
                await _stream.ReadExactlyAsync(header, deadline.Token);
                var body = new byte[(header[0] << 16) | (header[1] << 8) | header[2]];
                await _stream.ReadExactlyAsync(body, deadline.Token);
                AnswerHeaders += header[3] == Headers ? Encoding.Latin1.GetString(body) : "";
                var ends = header[3] == ResetStream || (header[3] is Headers or Data && (header[4] & EndStream) != 0);
                if (ends && BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(5)) == stream)
                {
                    return true;
                }
            }
        }
        catch (Exception e) when (e is EndOfStreamException or IOException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stream.Dispose();
        _socket.Dispose();
    }

    /// <summary>
    /// Each field as a literal without indexing and without Huffman coding (RFC 7541, section 6.2.2).
    /// </summary>
    private static byte[] HeaderBlock(string path) =>
        [
            .. Field(":method", "POST"),
            .. Field(":scheme", "http"),
            .. Field(":path", path),
            .. Field(":authority", "localhost"),
            .. Field("content-type", "application/grpc"),
            .. Field("te", "trailers"),
        ];

    private static byte[] Field(string name, string value) =>
        [0, (byte)name.Length, .. Encoding.ASCII.GetBytes(name), (byte)value.Length, .. Encoding.ASCII.GetBytes(value)];

    private static byte[] Frame(byte type, byte flags, int stream, byte[] payload)
    {
        var frame = new byte[FrameHeader + payload.Length];
        frame[1] = (byte)(payload.Length >> 8);
        frame[2] = (byte)payload.Length;
        frame[3] = type;
        frame[4] = flags;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame, FrameHeader);
        return frame;
    }
}
