// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using UdpTunnel.Tests.Api.Daemon;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Api;

/// <summary>
/// A client that opens WatchTunnels streams and reads nothing at all from its sockets. HTTP/2 by hand (RFC 9113), as a
/// client library would read.
/// </summary>
internal sealed class DeafClient(string socketPath) : IDisposable
{
    private const byte Data = 0;
    private const byte Headers = 1;
    private const byte Settings = 4;
    private const byte WindowUpdate = 8;
    private const byte EndStream = 1;
    private const byte EndHeaders = 4;

    /// <summary>Kestrel allows 100 streams on a connection.</summary>
    private const int StreamsPerConnection = 60;

    private readonly List<Socket> _sockets = [];

    /// <summary>Opens streams, on as many connections as it takes.</summary>
    public async Task OpenAsync(int streams, CancellationToken cancellation)
    {
        for (; streams > 0; streams -= StreamsPerConnection)
        {
            var socket = await ControlChannel.ConnectAsync(socketPath, cancellation);
            _sockets.Add(socket);
            await socket.SendAsync(Conversation(Math.Min(streams, StreamsPerConnection)), cancellation);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _sockets.ForEach(s => s.Dispose());

    private static byte[] Conversation(int streams)
    {
        // Windows as large as they can be, so that only the sockets hold the daemon back.
        List<byte> bytes =
        [
            .. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8,
            .. Frame(Settings, 0, 0, [0, 4, 0x7F, 0xFF, 0xFF, 0xFF]),
            .. Frame(WindowUpdate, 0, 0, [0x7F, 0xFE, 0, 0]),
        ];
        var message = new WatchTunnelsRequest
        {
            Interval = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(100)),
        }.ToByteArray();
        byte[] length = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, message.Length);
        for (var i = 0; i < streams; i++)
        {
            var stream = (2 * i) + 1;
            bytes.AddRange(Frame(Headers, EndHeaders, stream, HeaderBlock()));
            bytes.AddRange(Frame(Data, EndStream, stream, [0, .. length, .. message]));
        }

        return [.. bytes];
    }

    /// <summary>
    /// Each field as a literal without indexing and without Huffman coding (RFC 7541, section 6.2.2).
    /// </summary>
    private static byte[] HeaderBlock() =>
        [
            .. Field(":method", "POST"),
            .. Field(":scheme", "http"),
            .. Field(":path", "/udptunnel.v1.TunnelService/WatchTunnels"),
            .. Field(":authority", "localhost"),
            .. Field("content-type", "application/grpc"),
            .. Field("te", "trailers"),
        ];

    private static byte[] Field(string name, string value) =>
        [0, (byte)name.Length, .. Encoding.ASCII.GetBytes(name), (byte)value.Length, .. Encoding.ASCII.GetBytes(value)];

    private static byte[] Frame(byte type, byte flags, int stream, byte[] payload)
    {
        var frame = new byte[9 + payload.Length];
        frame[1] = (byte)(payload.Length >> 8);
        frame[2] = (byte)payload.Length;
        frame[3] = type;
        frame[4] = flags;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame, 9);
        return frame;
    }
}
