// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Filter;
using UdpTunnel.Linux;
using UdpTunnel.Packets;
using UdpTunnel.Tests.Packets;
using UdpTunnel.Tunnel;
using UdpTunnel.Tunnel.Secure;
using UdpTunnel.WireGuard;
using Session = UdpTunnel.State.Session;

namespace UdpTunnel.Tests.Tunnel;

/// <summary>An end of a secure tunnel in memory, both ways of its packets included.</summary>
internal sealed class SecureEnd : IDisposable
{
    private readonly PortFilter _filter;
    private readonly Coalescer _coalescer = new();
    private readonly ReceiveBatch _messages = new();
    private readonly PacketBatch _packets = new();
    private readonly Outbound _outbound;
    private readonly Inbound _inbound;
    private readonly Func<long> _clock;

    public SecureEnd(SecureNetwork network, string address, SecretKey key, PortSet ports, params PeerConfig[] peers)
    {
        Address = MemoryUdp.Address(address);
        Secret = key;
        _clock = () => network.Now;
        Config = new TunnelConfig
        {
            Name = "t",
            Protocol = TunnelProtocol.WireGuard,
            TunnelAddresses = [],
            NetworkAddress = HostPort.AnyPort,
            AllowedPorts = ports,
            Mtu = TunnelConfig.DefaultWireGuardMtu,
            Peers = [.. peers],
            Routes = RouteMode.Off,
        };
        Protocol = new SecureProtocol(Config, key, Tun, Udp, Events, TimeProvider.System, _clock);
        _filter = new PortFilter(ports, versions: IpVersions.Both);
        _outbound = new Outbound(Protocol.Transport, _filter, Udp, Protocol.Outgoing);
        _inbound = new Inbound(Protocol.Transport, _filter, Rules.None, Tun, _coalescer);
        network.Add(this);
    }

    public Endpoint Address { get; set; }

    public SecretKey Secret { get; }

    public TunnelConfig Config { get; private set; }

    public EventLog Events { get; } = new(TimeProvider.System, NullLogger<EventLog>.Instance);

    public MemoryUdp Udp { get; } = new();

    public MemoryTun Tun { get; } = new();

    public SecureProtocol Protocol { get; }

    public DirectionCounters Out => _outbound.Counters;

    public DirectionCounters In => _inbound.Counters;

    /// <summary>The packets that came out of the device, one by one.</summary>
    public List<byte[]> Received => [.. Tun.Written.SelectMany(NaiveDevice.Take)];

    /// <summary>Begins, as the engine has it.</summary>
    public SecureEnd Start(Session? session = null)
    {
        if (session is not null)
        {
            Protocol.Restore(session);
        }

        Protocol.Start(action =>
        {
            Protocol.Transport.Advance(_clock());
            action();
            return Task.CompletedTask;
        });
        return this;
    }

    /// <summary>Packets come from the device.</summary>
    public void Send(params byte[][] packets)
    {
        foreach (var packet in packets)
        {
            _packets.Add(packet);
        }

        Flush();
    }

    /// <summary>A superpacket comes from the device.</summary>
    public void Send(VirtioNetHeader header, byte[] superpacket)
    {
        _packets.Add(header, superpacket);
        Flush();
    }

    /// <summary>Takes the datagrams that have arrived.</summary>
    public bool ReceiveAll()
    {
        var any = false;
        while (Udp.Receive(_messages))
        {
            _inbound.Process(_messages, _clock());
            any = true;
        }

        return any;
    }

    public void Apply(params PeerConfig[] peers)
    {
        Config = Config with { Peers = [.. peers] };
        Protocol.Apply(Config);
    }

    /// <summary>Strangers may wait for a person from now on, or not.</summary>
    public void Treat(UnknownPeers strangers)
    {
        Config = Config with { UnknownPeers = strangers };
        Protocol.Apply(Config);
    }

    public PeerStatus StatusOf(int peer) => Status.Peers[peer];

    public TunnelStatus Status => Protocol.Describe(new TunnelStatus { Config = Config, State = TunnelState.Running });

    public void Dispose()
    {
        _outbound.Dispose();
        Protocol.Dispose();
        _packets.Dispose();
        _coalescer.Dispose();
        _messages.Dispose();
        _filter.Dispose();
    }

    private void Flush()
    {
        _outbound.Process(_packets, _clock());
        _packets.Clear();
    }
}

/// <summary>The network between ends in memory.</summary>
internal sealed class SecureNetwork : IDisposable
{
    private readonly List<SecureEnd> _ends = [];

    /// <summary>Milliseconds.</summary>
    public long Now { get; private set; } = 1_000_000;

    /// <summary>Changes, or swallows, a datagram on its way.</summary>
    public Func<byte[], byte[]?> Way { get; set; } = datagram => datagram;

    /// <summary>All that was carried.</summary>
    public List<byte[]> Carried { get; } = [];

    public static SecretKey NewKey()
    {
        Span<byte> bytes = stackalloc byte[SecretKey.Size];
        LocalIdentity.Generate(RandomSource.System, bytes);
        return SecretKey.FromBytes(bytes);
    }

    public static PublicKey PublicOf(SecretKey key)
    {
        using var identity = LocalIdentity.Import(key.Bytes);
        return identity.Key;
    }

    /// <summary>A peer as a file names it.</summary>
    public static PeerConfig Peer(SecretKey key, string? endpoint, params string[] networks)
    {
        HostPort? address = null;
        Assert.True(endpoint is null || HostPort.TryParse(endpoint, out address, out _));
        return new PeerConfig
        {
            PublicKey = PublicOf(key),
            Endpoint = address,
            AllowedIPs =
            [
                .. networks
                    .Select(IPNetwork.Parse)
                    .Select(network => IpPrefix.Of(network.BaseAddress, network.PrefixLength)),
            ],
        };
    }

    public void Add(SecureEnd end) => _ends.Add(end);

    public void Remove(SecureEnd end)
    {
        _ends.Remove(end);
        end.Dispose();
    }

    /// <summary>Carries datagrams until nobody says any more.</summary>
    public void Carry()
    {
        bool any;
        do
        {
            any = false;
            foreach (var end in _ends)
            {
                foreach (var (datagram, to) in end.Udp.TakeSent())
                {
                    Carried.Add(datagram);
                    if (Way(datagram) is { } arriving)
                    {
                        _ends.Find(e => e.Address.Equals(to))?.Udp.Arrive(arriving, 0, end.Address);
                    }
                }
            }

            foreach (var end in _ends)
            {
                any |= end.ReceiveAll();
            }
        } while (any);
    }

    /// <summary>Lets time pass, and everybody do what is due.</summary>
    public void Pass(TimeSpan time)
    {
        var until = Now + (long)time.TotalMilliseconds;
        while (Now < until)
        {
            Now = Math.Min(until, Now + 500);
            _ends.ForEach(end => end.Protocol.Transport.Advance(Now));
            Carry();
        }
    }

    public void Dispose() => _ends.ForEach(end => end.Dispose());
}
