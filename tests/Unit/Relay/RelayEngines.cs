// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Filter;
using UdpTunnel.Hosting;
using UdpTunnel.Relay;
using UdpTunnel.Relay.Approval;
using UdpTunnel.Relay.Link;

namespace UdpTunnel.Tests.Relay;

/// <summary>A receiver and senders in this process, over the loopback; nothing is stored.</summary>
internal sealed class RelayEngines : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly RelayProtocol _protocol;
    private readonly TimeProvider _time;
    private readonly HostPort _tcp = FreePort(SocketType.Stream);
    private readonly List<Sender> _senders = [];

    public RelayEngines(RelayProtocol protocol, TimeProvider time)
    {
        _protocol = protocol;
        _time = time;
        Receiver = ReceiverEngine.Start(
            Config("receiver", RelayRole.Receiver, FreePort(SocketType.Dgram)),
            Services(Events),
            new SenderKeys(() => [], _ => { })
        );
    }

    /// <summary>The receiver.</summary>
    public ReceiverEngine Receiver { get; }

    /// <summary>The port that senders connect to.</summary>
    public int TcpPort => _tcp.Port;

    /// <summary>What the receiver tells.</summary>
    public EventLog Events { get; } = NewLog();

    /// <summary>Starts a sender with a key of its own and waits until it is pending at the receiver.</summary>
    public Sender AddSender()
    {
        var known = Receiver.Senders.Select(s => s.Address).ToHashSet();
        var sender = StartSender();
        WaitFor(() => sender.Engine.Status.State == RelayState.Pending, "the sender to wait");
        WaitFor(() => Receiver.Senders.Any(s => !known.Contains(s.Address)), "the receiver to show it");
        sender.Status = Receiver.Senders.Single(s => !known.Contains(s.Address));
        return sender;
    }

    /// <summary>Starts a sender with a key of its own.</summary>
    /// <param name="receiverKey">The receiver's, as its configuration has it; null to trust the first one.</param>
    /// <param name="tcpPort">Of another receiver; null for this one.</param>
    public Sender StartSender(KeyFingerprint? receiverKey = null, int? tcpPort = null)
    {
        var events = NewLog();
        var config = Config($"sender-{_senders.Count}", RelayRole.Sender, HostPortOf(9)) with
        {
            ReceiverKey = receiverKey,
            TcpAddress = tcpPort is { } other ? HostPortOf(other) : _tcp,
        };
        var sender = new Sender(
            SenderEngine.Start(config, Services(events), new ReceiverKeys(() => null, _ => { })),
            events
        );
        _senders.Add(sender);
        return sender;
    }

    /// <summary>Waits, with the daemon's tick.</summary>
    public void WaitFor(Func<bool> condition, string what)
    {
        var until = DateTime.UtcNow + Patience;
        while (!condition())
        {
            Assert.True(DateTime.UtcNow < until, $"waited in vain for {what}");
            Thread.Sleep(20);
            Receiver.Tick();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _senders.ForEach(s => s.Engine.Dispose());
        Receiver.Dispose();
    }

    private static EventLog NewLog() => new(TimeProvider.System, NullLogger<EventLog>.Instance);

    private static HostPort FreePort(SocketType type)
    {
        using var socket = new Socket(type, type == SocketType.Stream ? ProtocolType.Tcp : ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return HostPortOf(((IPEndPoint)socket.LocalEndPoint!).Port);
    }

    private static HostPort HostPortOf(int port)
    {
        Assert.True(HostPort.TryParse($"127.0.0.1:{port}", out var address, out var problem), problem?.ToString());
        return address;
    }

    private RelayConfig Config(string name, RelayRole role, HostPort udp) =>
        new()
        {
            Name = name,
            Relay = role,
            UdpAddress = udp,
            TcpAddress = _tcp,
            Protocol = _protocol,
        };

    private RelayServices Services(EventLog events)
    {
        var identity = new Lazy<Identity>(() => new Identity(ECDsa.Create(ECCurve.NamedCurves.nistP256)));
        return new RelayServices(
            events,
            _time,
            () => identity.Value,
            () => { },
            new Supervised(NullLogger<Supervised>.Instance),
            new HostAddresses(() => [])
        );
    }

    /// <summary>A sender of its own daemon.</summary>
    /// <param name="engine">It.</param>
    /// <param name="events">What it tells.</param>
    internal sealed class Sender(SenderEngine engine, EventLog events)
    {
        public SenderEngine Engine => engine;

        public EventLog Events => events;

        /// <summary>How the receiver showed it when it came.</summary>
        public SenderStatus Status { get; set; } = null!;
    }
}
