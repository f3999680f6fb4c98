// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using UdpTunnel.Linux;

namespace UdpTunnel.Tests.Relay;

/// <summary>A connection over the loopback: one end as the relay has it, the other an ordinary socket.</summary>
internal sealed class TcpPair : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly WakeSignal _stop = new();

    public TcpPair()
    {
        _listener.Start();
        Own = TcpSocket.Connect((IPEndPoint)_listener.LocalEndpoint, TimeSpan.FromSeconds(10), _stop);
        Peer = _listener.AcceptSocket();
        Peer.NoDelay = true;
    }

    /// <summary>The relay's end.</summary>
    public TcpSocket Own { get; }

    /// <summary>The other one.</summary>
    public Socket Peer { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Own.Dispose();
        Peer.Dispose();
        _listener.Dispose();
        _stop.Dispose();
    }
}
