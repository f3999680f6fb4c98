// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Filter;
using UdpTunnel.Packets;

namespace UdpTunnel.Tests.Filter;

/// <summary>
/// How the filter follows connections of TCP: how long it remembers them, and when their places are free again.
/// </summary>
public sealed class ConnectionTests : IDisposable
{
    private const byte Fin = TcpHeader.Fin,
        Syn = TcpHeader.Syn,
        Reset = TcpHeader.Reset,
        Ack = TcpHeader.Ack;
    private const uint Start = 1000;
    private const uint Day = 86_400;

    private readonly PortFilter _filter = new(PortFilterCalls.Ports(22));
    private readonly FilterPacket _client = new() { TcpFlags = Ack };

    private FilterPacket Server => _client.Reply;

    private FlowState State => Assert.Single(_filter.Flows(Start)).State;

    [Fact]
    public void An_established_connection_that_is_silent_for_hours_goes_on_when_the_far_side_speaks_first()
    {
        Connect(_client, Start);
        Assert.Equal(FlowState.Established, State);
        Assert.Equal(DropReason.None, _filter.In(Server, Start + 330));
        Assert.Equal(DropReason.None, _filter.In(Server, Start + Day - 1));
        Assert.Equal(DropReason.NoFlow, _filter.In(Server, Start + Day));
    }

    [Fact]
    public void An_attempt_that_is_never_completed_is_forgotten_after_four_minutes()
    {
        Assert.Equal(DropReason.None, _filter.Out(_client with { TcpFlags = Syn }, Start));
        Assert.Equal(DropReason.None, _filter.In(Server with { TcpFlags = Syn | Ack }, Start + 239));
        Assert.Equal(DropReason.NoFlow, _filter.In(Server with { TcpFlags = Syn | Ack }, Start + 240));
    }

    [Fact]
    public void A_connection_that_was_there_before_the_filter_is_established_once_packets_went_to_and_fro()
    {
        Assert.Equal(DropReason.None, _filter.Out(_client, Start));
        Assert.Equal(DropReason.None, _filter.In(Server, Start));
        Assert.Equal(DropReason.None, _filter.Out(_client, Start));
        Assert.Equal(DropReason.None, _filter.In(Server, Start + 7440));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void When_both_ends_are_done_the_place_is_free_in_ten_seconds(bool clientFirst)
    {
        Connect(_client, Start);
        Check(clientFirst, Fin | Ack, Start);
        Check(!clientFirst, Ack, Start);
        Check(!clientFirst, Fin | Ack, Start);
        Check(clientFirst, Ack, Start);
        Assert.Equal(FlowState.Closed, State);
        Assert.Equal(DropReason.None, _filter.In(Server with { TcpFlags = Fin | Ack }, Start + 9));
        Assert.Equal(DropReason.NoFlow, _filter.In(Server with { TcpFlags = Fin | Ack }, Start + 10));
        Assert.Equal(0, _filter.FlowCount(Start + 10));
    }

    [Fact]
    public void An_end_that_is_done_may_listen_for_hours()
    {
        Connect(_client, Start);
        Check(fromClient: true, Fin | Ack, Start);
        Assert.Equal(DropReason.None, _filter.In(Server, Start + 7440));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_reset_of_either_end_frees_the_place_in_ten_seconds(bool fromClient)
    {
        Connect(_client, Start);
        Check(fromClient, Reset, Start);
        Assert.Equal(1, _filter.FlowCount(Start + 9));
        Assert.Equal(0, _filter.FlowCount(Start + 10));
    }

    [Fact]
    public void A_refused_attempt_frees_its_place_in_ten_seconds()
    {
        Assert.Equal(DropReason.None, _filter.Out(_client with { TcpFlags = Syn }, Start));
        Assert.Equal(DropReason.None, _filter.In(Server with { TcpFlags = Reset | Ack }, Start));
        Assert.Equal(0, _filter.FlowCount(Start + 10));
    }

    [Fact]
    public void A_reset_of_a_connection_that_nobody_remembers_passes_and_takes_no_place()
    {
        Assert.Equal(DropReason.None, _filter.Out(_client with { TcpFlags = Reset }, Start));
        Assert.Equal(0, _filter.FlowCount(Start));
        Assert.Equal(DropReason.NoFlow, _filter.In(Server, Start));
    }

    [Fact]
    public void The_same_ports_begin_a_connection_again_right_after_the_one_before()
    {
        Connect(_client, Start);
        Check(fromClient: true, Fin | Ack, Start);
        Check(fromClient: false, Fin | Ack, Start);
        Assert.Equal(FlowState.Closed, State);
        Connect(_client, Start);
        Assert.Equal(FlowState.Established, State);
    }

    /// <remarks>
    /// A second SYN makes a host ask whether the other one is still there (RFC 5961, section 4); it ends nothing.
    /// </remarks>
    [Fact]
    public void A_late_SYN_does_not_shorten_an_established_connection()
    {
        Connect(_client, Start);
        Check(fromClient: true, Syn, Start);
        Assert.Equal(FlowState.Established, State);
    }

    [Fact]
    public void More_short_connections_than_there_are_places_refuse_nobody_and_cost_an_idle_one_nothing()
    {
        FilterPacket idle = _client with { SourcePort = 1000 };
        Connect(idle, Start);
        for (int number = 0; number < 3 * PortFilter.DefaultMaxFlows; number++)
        {
            FilterPacket client = _client with
            {
                Source = 0x0A010000u + (uint)(number >> 14),
                SourcePort = (ushort)(2000 + (number & 0x3FFF)),
            };
            uint now = Start + 1 + (uint)(number / 218);
            Connect(client, now);
            Assert.Equal(DropReason.None, _filter.Out(client with { TcpFlags = Fin | Ack }, now));
            Assert.Equal(DropReason.None, _filter.In(client.Reply with { TcpFlags = Fin | Ack }, now));
        }

        Assert.Equal(0, _filter.TakeDisplaced(Direction.Out));
        Assert.InRange(_filter.FlowCount(Start + 1 + (3 * PortFilter.DefaultMaxFlows / 218)), 1, 3000);
        Assert.Equal(DropReason.None, _filter.In(idle.Reply, Start + 7000));
    }

    /// <remarks>A resolver at the same host: its flows are answered, and newer than the connection.</remarks>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Where_short_flows_fill_the_table_they_give_way_to_each_other_and_no_idle_connection_does(
        bool areAnswered
    )
    {
        Connect(_client, Start);
        for (int number = 0; number < 2 * PortFilter.DefaultMaxFlows; number++)
        {
            var query = new FilterPacket
            {
                Protocol = FilterPacket.Udp,
                Destination = 0x0A000100u + (uint)(number >> 15),
                SourcePort = (ushort)(2000 + (number & 0x7FFF)),
            };
            Assert.Equal(DropReason.None, _filter.Out(query, Start + 1));
            if (areAnswered)
            {
                Assert.Equal(DropReason.None, _filter.In(query.Reply, Start + 1));
            }
        }

        Assert.True(_filter.TakeDisplaced(Direction.Out) > 0);
        Assert.Equal(DropReason.None, _filter.In(Server, Start + 7440));
    }

    [Fact]
    public void Lifetimes_can_be_set_while_packets_flow()
    {
        Connect(_client, Start);
        _filter.SetLifetimes(new FlowLifetimes(Tcp: 20, Udp: 5));
        Assert.Equal(DropReason.None, _filter.In(Server, Start + 19));
        Assert.Equal(DropReason.NoFlow, _filter.In(Server, Start + 20));
        FilterPacket query = _client with { Protocol = FilterPacket.Udp };
        Assert.Equal(DropReason.None, _filter.Out(query, Start));
        Assert.Equal(DropReason.None, _filter.In(query.Reply, Start + 4));
        Assert.Equal(DropReason.NoFlow, _filter.In(query.Reply, Start + 5));
    }

    [Fact]
    public void A_restarted_filter_knows_how_far_a_connection_was()
    {
        Connect(_client, Start);
        FilterPacket other = _client with { SourcePort = 50_000, TcpFlags = Syn };
        Assert.Equal(DropReason.None, _filter.Out(other, Start));
        using var restarted = new PortFilter(PortFilterCalls.Ports(22));
        Assert.All(_filter.Flows(Start), flow => Assert.True(restarted.Restore(flow, Start)));
        Assert.Equal(DropReason.None, restarted.In(Server, Start + Day - 1));
        Assert.Equal(DropReason.NoFlow, restarted.In(other.Reply, Start + 240));
    }

    public void Dispose() => _filter.Dispose();

    private void Connect(FilterPacket client, uint now)
    {
        Assert.Equal(DropReason.None, _filter.Out(client with { TcpFlags = Syn }, now));
        Assert.Equal(DropReason.None, _filter.In(client.Reply with { TcpFlags = Syn | Ack }, now));
        Assert.Equal(DropReason.None, _filter.Out(client with { TcpFlags = Ack }, now));
    }

    private void Check(bool fromClient, byte flags, uint now) =>
        Assert.Equal(
            DropReason.None,
            fromClient
                ? _filter.Out(_client with { TcpFlags = flags }, now)
                : _filter.In(Server with { TcpFlags = flags }, now)
        );
}
