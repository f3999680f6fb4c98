// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Faults;

/// <summary>A stranger who has seen one datagram and sends it again, from an address of its own.</summary>
internal sealed class Replay : IDisposable
{
    private readonly Socket _socket;
    private readonly IPEndPoint _server;
    private readonly byte[] _datagram;

    /// <param name="from">The host where the stranger is.</param>
    /// <param name="server">Where to send to.</param>
    /// <param name="datagram">What was seen.</param>
    public Replay(Host from, Host server, byte[] datagram)
    {
        _socket = from.Open(SocketType.Dgram);
        _socket.Bind(new IPEndPoint(IPAddress.Any, 0));
        _server = new IPEndPoint(IPAddress.Parse(server.Address), 8000);
        _datagram = datagram;
    }

    /// <summary>The stranger's port.</summary>
    public int Port => ((IPEndPoint)_socket.LocalEndPoint!).Port;

    /// <summary>A heartbeat of a tunnel.</summary>
#pragma warning disable CA5351 // The wire format's own.
    public static byte[] Heartbeat(string magic) => MD5.HashData(Encoding.UTF8.GetBytes(magic));
#pragma warning restore CA5351

    /// <summary>A datagram with a ping, as the filter lets pass, from inside the tunnel.</summary>
    public static byte[] Ping(string magic, string from, string to)
    {
        byte[] packet =
        [
            0x45,
            0,
            0,
            28,
            0,
            0,
            0,
            0,
            64,
            1,
            0,
            0,
            .. IPAddress.Parse(from).GetAddressBytes(),
            .. IPAddress.Parse(to).GetAddressBytes(),
            8,
            0,
            0,
            0,
            0x12,
            0x34,
            0,
            1,
        ];
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), InternetChecksum.Of(packet.AsSpan(0, 20)));
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(22), InternetChecksum.Of(packet.AsSpan(20)));
        return [.. Heartbeat(magic), .. packet];
    }

    /// <summary>Sends it.</summary>
    public void Send() => _socket.SendTo(_datagram, _server);

    /// <summary>Whether anything was sent to the stranger.</summary>
    public bool HasHeard => _socket.Available > 0;

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();
}
