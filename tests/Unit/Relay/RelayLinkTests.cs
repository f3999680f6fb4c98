// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using UdpTunnel.Relay;
using UdpTunnel.Relay.Link;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Tests.Relay;

/// <summary>What leaves a connection when.</summary>
public sealed class RelayLinkTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly TcpPair _pair = new();
    private readonly RelayLink _link;

    public RelayLinkTests() => _link = new RelayLink(_pair.Own, new TlsCodec(), context: null, isReceiver: false);

    [Fact]
    public void What_came_alone_is_written_at_once()
    {
        Assert.False(_link.ShouldGather(1));
        Assert.False(_link.ShouldGather(0));
        Assert.False(_link.ShouldGather(1));
    }

    [Fact]
    public void What_came_with_others_is_written_when_no_more_come_or_there_are_many()
    {
        Assert.Equal([true, true, false], ((int[])[2, 2, 1]).Select(_link.ShouldGather));
        Assert.Equal([true, true, true, false], ((int[])[40, 40, 40, 40]).Select(_link.ShouldGather));
        Assert.True(_link.ShouldGather(40));
    }

    [Fact]
    public async Task More_than_may_wait_passes_if_the_connection_takes_it()
    {
        const int Datagram = 60_000;
        const int Count = 100;
        var reading = Task.Run(
            () =>
            {
                var buffer = new byte[1 << 20];
                while (_pair.Peer.Receive(buffer) > 0) { }
            },
            TestContext.Current.CancellationToken
        );
        var (counters, flow) = (new RelayCounters(), new CountedFlow());
        var writer = _link.BeginStreaming(counters);
        for (var i = 0; i < Count; i++)
        {
            // The peer's thread may have to wait for a processor; the connection takes no more meanwhile.
            SpinWait.SpinUntil(() => _pair.Own.Unsent() == 0, Patience);
            writer.Add(flow, new byte[Datagram]);
        }

        FlushUntilTaken(writer);
        Assert.Equal(Count, flow.Sent);
        Assert.Equal(Count, counters.Traffic.PacketsToClients);
        Assert.Empty(counters.Drops);
        _link.Shutdown();
        await reading;
    }

    [Fact]
    public void What_the_connection_does_not_take_waits_up_to_a_bound_and_is_dropped_and_counted_beyond_it()
    {
        const int Count = 1000;
        var (counters, flow) = (new RelayCounters(), new CountedFlow());
        var writer = _link.BeginStreaming(counters);
        for (var i = 0; i < Count; i++)
        {
            writer.Add(flow, new byte[60_000]);
        }

        writer.Flush();
        Assert.True(writer.IsPending);
        var dropped = counters.Drop(RelayDropReason.QueueFull);

        // The kernel has a little, the queue 2 MiB.
        Assert.InRange(flow.Sent * 60_000, 1, 8 << 20);
        Assert.InRange((Count - flow.Sent - dropped) * 60_000, 1 << 20, FairQueue.Blocks * FairQueue.BlockSize);
        writer.Abandon();
        Assert.Equal(Count - flow.Sent, counters.Drop(RelayDropReason.QueueFull));
    }

    [Fact]
    public void A_connection_that_stands_still_holds_little_in_the_kernel_and_a_ping_waits_for_no_datagram()
    {
        var (counters, flow) = (new RelayCounters(), new CountedFlow());
        var writer = _link.BeginStreaming(counters);
        _pair.Peer.ReceiveBufferSize = 4096;
        for (var i = 0; i < 2000; i++)
        {
            writer.Add(flow, new byte[1000]);
            writer.Flush();
        }

        Assert.InRange(_link.Socket.Unsent(), 1, 256 * 1024);
        var before = flow.Sent;
        writer.AddControl(FrameType.Ping, 0, []);
        writer.Flush();
        var bytes = new byte[4 << 20];
        var read = 0;
        int datagrams;
        do
        {
            read += _pair.Peer.Receive(bytes.AsSpan(read));
            writer.Flush();
        } while (!HasPing(bytes.AsSpan(0, read), out datagrams));

        Assert.InRange(datagrams, 1, before + 1);
        writer.Abandon();
    }

    private static bool HasPing(ReadOnlySpan<byte> bytes, out int datagramsBefore)
    {
        datagramsBefore = 0;
        while (bytes.Length >= TlsCodec.HeaderLength && (FrameType)bytes[0] != FrameType.Ping)
        {
            datagramsBefore++;
            bytes = bytes[Math.Min(TlsCodec.HeaderLength + ((bytes[2] << 8) | bytes[3]), bytes.Length)..];
        }

        return bytes.Length >= TlsCodec.HeaderLength;
    }

    private static void FlushUntilTaken(FrameWriter writer)
    {
        var clock = Stopwatch.StartNew();
        do
        {
            writer.Flush();
        } while (writer.IsPending && clock.Elapsed < Patience);
    }

    public void Dispose()
    {
        _link.Dispose();
        _pair.Dispose();
    }
}
