// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Linux;
using UdpTunnel.Packets;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Tests.Tunnel;

public sealed class ClassicTransportTests : IDisposable
{
    private static readonly Endpoint Home = MemoryUdp.Address("192.0.2.1:8000");
    private static readonly Endpoint Cafe = MemoryUdp.Address("198.51.100.9:1234");

    private readonly long _start = Environment.TickCount64 + 1_000_000;
    private readonly MemoryUdp _udp = new();
    private readonly Peer _peer = new();

    /// <inheritdoc/>
    public void Dispose() => _udp.Dispose();

    [Fact]
    public void A_client_sends_a_heartbeat_when_it_has_sent_nothing_for_its_interval()
    {
        using var transport = Make(isServer: false);
        _peer.Move(Home);
        transport.Advance(_start);
        Assert.Single(_udp.Sent);
        Assert.Equal(_start + 30_000, transport.Due);

        transport.Advance(_start + 20_000);
        Assert.True(transport.TryBegin(_peer, default, 1, out _));
        transport.End();
        Assert.Equal(_start + 50_000, transport.Due);
        transport.Advance(_start + 49_999);
        Assert.Single(_udp.Sent);
        transport.Advance(_start + 50_000);

        Assert.Equal([16, 16], _udp.Sent.Select(d => d.Length));
        Assert.Equal(2, transport.HeartbeatsOut);
        Assert.Equal(_start + 80_000, transport.Due);
    }

    [Fact]
    public void While_nobody_is_known_a_client_tries_once_a_second_and_drops_what_it_is_given()
    {
        using var transport = Make(isServer: false);

        transport.Advance(_start);
        Assert.Equal(_start + 1000, transport.Due);
        Assert.False(transport.TryBegin(_peer, default, 1, out var drop));
        Assert.Equal(DropReason.NoPeer, drop);

        _peer.Move(Home);
        transport.Advance(_start + 1000);
        Assert.Single(_udp.Sent);
    }

    [Fact]
    public void Without_an_interval_and_at_a_server_nothing_is_due()
    {
        using var never = Make(isServer: false);
        never.HeartbeatInterval = TimeSpan.Zero;
        using var server = Make(isServer: true);

        Assert.Equal((long.MaxValue, long.MaxValue), (never.Due, server.Due));
    }

    [Fact]
    public void A_server_wants_to_be_called_until_a_claim_is_decided()
    {
        using var transport = Make(isServer: true);
        transport.Advance(_start);
        transport.OnReceived(_peer, Home, default);
        Assert.Equal(long.MaxValue, transport.Due);
        transport.OnReceived(_peer, Cafe, default);

        Assert.Equal(_start + 1000, transport.Due);

        transport.Advance(_start + 999);
        Assert.Equal(Home, _peer.Current!.Endpoint);
        transport.Advance(_start + 1000);

        Assert.Equal(Cafe, _peer.Current!.Endpoint);
        Assert.Equal(long.MaxValue, transport.Due);
    }

    private ClassicTransport Make(bool isServer) =>
        new("word", _udp, _peer, isServer, innerAddress: 0x0A00_0001) { HeartbeatInterval = TimeSpan.FromSeconds(30) };
}
