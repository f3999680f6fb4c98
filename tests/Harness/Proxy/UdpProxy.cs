// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;

namespace UdpTunnel.Tests.Harness.Proxy;

/// <summary>
/// A bad network in one place: passes a client's datagrams to a server and the server's back, and mistreats some of
/// them.
/// </summary>
internal sealed class UdpProxy : IDisposable
{
    private const int SOL_SOCKET = 1;
    private const int SO_RCVBUFFORCE = 33;
    private const int BufferSize = 8 << 20;

    private readonly Socket _front;
    private readonly Socket _back;
    private readonly ProxyPath _toServer;
    private readonly ProxyPath _toClient;
    private readonly Impairment _impairment;
    private SocketAddress? _client;
    private volatile bool _isFair;

    /// <param name="home">Where it runs.</param>
    /// <param name="listen">Where clients send to.</param>
    /// <param name="server">Where their datagrams go.</param>
    /// <param name="impairment">What happens to them, in each direction.</param>
    /// <param name="seed">Of chance.</param>
    public UdpProxy(Host home, IPEndPoint listen, IPEndPoint server, Impairment impairment, ulong seed)
    {
        _front = Open(home);
        _front.Bind(listen);
        _back = Open(home);
        _back.Bind(new IPEndPoint(listen.Address, 0));
        _impairment = impairment;
        var serverAddress = server.Serialize();
        _toServer = new ProxyPath(_front, _back, () => serverAddress, Remember, Impairment, seed);
        _toClient = new ProxyPath(_back, _front, () => Volatile.Read(ref _client), _ => { }, Impairment, seed + 1);
    }

    /// <summary>What happened to the client's datagrams.</summary>
    public PathCounts ToServer => _toServer.Counts;

    /// <summary>What happened to the server's.</summary>
    public PathCounts ToClient => _toClient.Counts;

    /// <summary>While true it mistreats nothing.</summary>
    public bool IsFair
    {
        set => _isFair = value;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _front.Dispose();
        _back.Dispose();
        _toServer.Join();
        _toClient.Join();
    }

    private Impairment Impairment() => _isFair ? default : _impairment;

    private static Socket Open(Host home)
    {
        var socket = home.Open(SocketType.Dgram);

        // It shall lose what it decides to lose, and no more.
        socket.SetRawSocketOption(SOL_SOCKET, SO_RCVBUFFORCE, BitConverter.GetBytes(BufferSize));
        return socket;
    }

    private void Remember(SocketAddress source)
    {
        if (_client is null || !_client.Equals(source))
        {
            var copy = new SocketAddress(source.Family, source.Size);
            source.Buffer.Span[..source.Size].CopyTo(copy.Buffer.Span);
            Volatile.Write(ref _client, copy);
        }
    }
}
