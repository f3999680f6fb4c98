// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using UdpTunnel.Config;
using UdpTunnel.Crypto;
using UdpTunnel.Events;
using UdpTunnel.Linux;
using UdpTunnel.Relay;
using UdpTunnel.Relay.Approval;
using UdpTunnel.Relay.Link;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Tests.Relay;

/// <summary>However connections come, one of a key is served, and a decision about it reaches every one.</summary>
public sealed class ConnectionStateTests
{
    [Fact]
    public void Of_many_connections_of_one_key_that_greet_at_once_one_is_left_and_revoking_ends_it_within_a_second()
    {
        using var relay = new RelayEngines(RelayProtocol.Tls, TimeProvider.System);
        var identity = NewIdentity();
        using var first = new Peer(relay.TcpPort, identity, 1);
        first.Greet();
        relay.WaitFor(() => relay.Receiver.Senders.Count == 1, "the first to wait");
        relay.Receiver.Approve(relay.Receiver.Senders[0], once: false);
        relay.WaitFor(() => first.Has(FrameType.Approved), "the first to be let in");
        var peers = Enumerable.Range(0, 12).Select(i => new Peer(relay.TcpPort, identity, 2 + (i / 4))).ToList();

        peers.ForEach(p => p.Shake());
        peers.ForEach(p => p.SayHello());
        peers.Add(first);
        relay.WaitFor(() => peers.Count(p => p.HasEnded()) == 12, "all but one to end");
        var left = Assert.Single(peers, p => !p.HasEnded());
        Assert.Equal(SenderState.Connected, Assert.Single(relay.Receiver.Senders).State);

        var clock = System.Diagnostics.Stopwatch.StartNew();
        relay.Receiver.Revoke(relay.Receiver.Senders[0]);
        while (!left.HasEnded())
        {
            Thread.Sleep(5);
            Assert.InRange(clock.ElapsedMilliseconds, 0, 1000);
        }

        Assert.True(left.Has(FrameType.Denied));
        Assert.Empty(relay.Receiver.Senders);
        peers.ForEach(p => p.Dispose());
    }

    [Fact]
    public void Revoking_ends_a_connection_of_the_key_that_has_not_said_hello()
    {
        using var relay = new RelayEngines(RelayProtocol.Tls, TimeProvider.System);
        var identity = NewIdentity();
        using var served = new Peer(relay.TcpPort, identity, 1);
        served.Greet();
        relay.WaitFor(() => relay.Receiver.Senders.Count == 1, "it to wait");
        relay.Receiver.Approve(relay.Receiver.Senders[0], once: false);
        using var silent = new Peer(relay.TcpPort, identity, 2);
        silent.Shake();

        // The receiver has its key when it has answered with its hello.
        relay.WaitFor(() => silent.Has(FrameType.Hello), "the receiver's hello");
        relay.Receiver.Revoke(relay.Receiver.Senders[0]);

        relay.WaitFor(() => silent.HasEnded() && served.HasEnded(), "both to end");
    }

    [Fact]
    public void An_approved_key_comes_back_while_strangers_hold_every_handshake()
    {
        using var relay = new RelayEngines(RelayProtocol.Tls, TimeProvider.System);
        var identity = NewIdentity();
        using (var approved = new Peer(relay.TcpPort, identity, 1))
        {
            approved.Greet();
            relay.WaitFor(() => relay.Receiver.Senders.Count == 1, "it to wait");
            relay.Receiver.Approve(relay.Receiver.Senders[0], once: false);
        }

        relay.WaitFor(() => relay.Receiver.Status.State == RelayState.Waiting, "it to go");
        var strangers = new List<Socket>();
        for (var i = 0; i < HandshakePlaces<ReceiverConnection>.Most + 8; i++)
        {
            var stranger = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            stranger.Bind(new IPEndPoint(new IPAddress([127, 1, (byte)(i / 8), 1]), 0));
            stranger.Connect(IPAddress.Loopback, relay.TcpPort);
            stranger.Send([0x16]);
            strangers.Add(stranger);
        }

        using var back = new Peer(relay.TcpPort, identity, 1);
        back.Greet();
        relay.WaitFor(() => back.Has(FrameType.Approved), "the approved key to come back");
        strangers.ForEach(s => s.Dispose());
    }

    [Fact]
    public void A_stranger_that_connects_without_end_fills_no_log()
    {
        using var relay = new RelayEngines(RelayProtocol.Tls, TimeProvider.System);
        var identity = NewIdentity();
        for (var i = 0; i < 60; i++)
        {
            using var peer = new Peer(relay.TcpPort, identity, 1 + (i / 20));
            peer.TryGreet();
        }

        relay.WaitFor(() => relay.Receiver.Senders.Count <= 1, "most to be gone");
        Assert.InRange(relay.Events.After(0).Count, 1, 3 * BoundedLines<int, int>.Burst);
    }

    [Fact]
    public void A_sender_that_waits_and_talks_without_end_is_ended()
    {
        using var relay = new RelayEngines(RelayProtocol.Tls, TimeProvider.System);
        using var peer = new Peer(relay.TcpPort, NewIdentity(), 1);
        peer.Greet();
        relay.WaitFor(() => relay.Receiver.Senders.Count == 1, "it to wait");

        relay.WaitFor(
            () =>
            {
                for (var i = 0; i < 1000; i++)
                {
                    peer.Say(FrameType.Ping);
                }

                return peer.HasEnded();
            },
            "it to be ended"
        );
        relay.WaitFor(() => relay.Receiver.Senders.Count == 0, "it to be gone");
    }

    [Fact]
    public void Two_hosts_with_one_key_do_not_push_each_other_out_in_turns_and_each_is_told_which_the_other_is()
    {
        using var relay = new RelayEngines(RelayProtocol.Tls, TimeProvider.System);
        var identity = NewIdentity();
        using var first = new Peer(relay.TcpPort, identity, 1) { Instance = 1, Host = "one" };
        first.Greet();
        relay.WaitFor(() => relay.Receiver.Senders.Count == 1, "the first to wait");
        relay.Receiver.Approve(relay.Receiver.Senders[0], once: false);
        relay.WaitFor(() => first.Has(FrameType.Approved), "the first to be let in");

        // A host that has just started takes the place, since the other one may be gone for good.
        using var second = new Peer(relay.TcpPort, identity, 2) { Instance = 2, Host = "two" };
        second.Greet();
        relay.WaitFor(() => second.Has(FrameType.Approved) && first.HasEnded(), "the second to take its place");
        Assert.Contains("another host has the same key: two", first.Refusal, StringComparison.Ordinal);

        // The first comes back, and stays out while the second is there.
        using var again = new Peer(relay.TcpPort, identity, 1) { Instance = 1, Host = "one" };
        again.Greet();
        relay.WaitFor(again.HasEnded, "the first to be sent away");
        Assert.Contains("another host has the same key: two", again.Refusal, StringComparison.Ordinal);
        Assert.False(second.HasEnded());
        Assert.Equal("two", Assert.Single(relay.Receiver.Senders).Introduction.Host);

        // The second comes back by another way, as after a change of its address: it is no other host.
        using var moved = new Peer(relay.TcpPort, identity, 3) { Instance = 2, Host = "two" };
        moved.Greet();
        relay.WaitFor(() => moved.Has(FrameType.Approved), "the second to come back");

        moved.Dispose();
        relay.WaitFor(() => relay.Receiver.Status.State == RelayState.Waiting, "the second to be gone");
        using var last = new Peer(relay.TcpPort, identity, 1) { Instance = 1, Host = "one" };
        last.Greet();
        relay.WaitFor(() => last.Has(FrameType.Approved), "the first to be let in when it is alone");
    }

    private static Identity NewIdentity() => new(ECDsa.Create(ECCurve.NamedCurves.nistP256));

    /// <summary>A sender's end of the protocol, by hand.</summary>
    private sealed class Peer : IDisposable
    {
        private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        private readonly RelayLink _link;
        private readonly HashSet<FrameType> _frames = [];
        private bool _hasEnded;

        public Peer(int port, Identity identity, int address)
        {
            _socket.Bind(new IPEndPoint(new IPAddress([127, 0, 0, (byte)address]), 0));
            _socket.Connect(IPAddress.Loopback, port);
            var own = new TcpSocket((int)_socket.Handle, (IPEndPoint)_socket.RemoteEndPoint!);
            _link = new RelayLink(own, new TlsCodec(), identity.Context, isReceiver: false);
        }

        public void Greet()
        {
            Shake();
            SayHello();
        }

        public void Shake() => Assert.Equal(TlsProgress.Done, TryShake());

        public void TryGreet()
        {
            if (TryShake() == TlsProgress.Done)
            {
                SayHello();
            }
        }

        /// <summary>Which of several senders with one key it is.</summary>
        public ulong Instance { get; init; }

        /// <summary>Its host's name.</summary>
        public string Host { get; init; } = "";

        /// <summary>The text of the last denial.</summary>
        public string Refusal { get; private set; } = "";

        public void SayHello() =>
            _link.TryWrite(
                FrameType.Hello,
                Hello.OfSender(
                    _link.Version,
                    new Introduction(new ServiceOffer(true, [new PortRange(9)]), Instance, Host, "relay")
                )
            );

        public void Say(FrameType type) => _link.TryWrite(type, []);

        public bool Has(FrameType type)
        {
            Read();
            return _frames.Contains(type);
        }

        public bool HasEnded()
        {
            Read();
            return _hasEnded;
        }

        public void Dispose()
        {
            _socket.Dispose();
            GC.KeepAlive(_link);
        }

        private TlsProgress TryShake()
        {
            TlsProgress progress;
            while ((progress = _link.Shake()) == TlsProgress.Waits)
            {
                _link.Socket.Wait(forRoom: false, 100);
            }

            return progress;
        }

        private void Read()
        {
            int came;
            while (!_hasEnded && (came = _link.TryFill()) != TcpSocket.Nothing)
            {
                _hasEnded = came == 0;
                while (_link.Reader.Next(out var frame) == FrameStatus.Complete)
                {
                    _frames.Add(frame.Type);
                    if (frame.Type == FrameType.Denied)
                    {
                        Refusal = Denial.Read(frame.Payload).Text;
                    }
                }
            }
        }
    }
}
