using UdpTunnel.Relay.Link;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Tests.Relay;

/// <summary>What leaves a connection when.</summary>
public sealed class RelayLinkTests : IDisposable
{
    private readonly TcpPair _pair = new();
    private readonly RelayLink _link;

    public RelayLinkTests() => _link = new RelayLink(_pair.Own, new TlsCodec(), context: null, isReceiver: false);

    [Fact]
    public void What_came_alone_is_written_at_once()
    {
        Assert.False(_link.Gathers(1));
        Assert.False(_link.Gathers(0));
        Assert.False(_link.Gathers(1));
    }

    [Fact]
    public void What_came_with_others_is_written_when_no_more_come_or_there_are_many()
    {
        Assert.Equal([true, true, false], ((int[])[2, 2, 1]).Select(_link.Gathers));
        Assert.Equal([true, true, true, false], ((int[])[40, 40, 40, 40]).Select(_link.Gathers));
        Assert.True(_link.Gathers(40));
    }

    [Fact]
    public async Task More_than_may_wait_passes_at_once_if_the_connection_takes_it()
    {
        const int Datagram = 60_000;
        const int Count = FrameWriter.Limit / Datagram * 3;
        var reading = Task.Run(
            () =>
            {
                var buffer = new byte[1 << 20];
                while (_pair.Peer.Receive(buffer) > 0)
                {
                }
            },
            TestContext.Current.CancellationToken);
        var writer = _link.BeginStreaming();

        // How much of it depends on how fast the peer's thread is; what the kernel takes without it is enough.
        var added = Enumerable.Range(0, Count).Count(_ => writer.TryAdd(1, [], new byte[Datagram]));
        writer.Flush();
        _link.Shutdown();
        await reading;

        Assert.InRange(added * Datagram, FrameWriter.Limit + 1, int.MaxValue);
    }

    [Fact]
    public void What_the_connection_does_not_take_is_refused_beyond_the_limit()
    {
        var added = 0;
        var writer = _link.BeginStreaming();
        while (writer.TryAdd(1, [], new byte[60_000]))
        {
            // The kernel's buffers for one connection are some MiB.
            Assert.InRange(++added, 1, 1000);
        }

        Assert.True(writer.IsPending);
        Assert.False(writer.TryAdd(1, [], new byte[60_000]));
        Assert.InRange(added * 60_000, FrameWriter.Limit - 60_000, int.MaxValue);
    }

    public void Dispose()
    {
        _link.Dispose();
        _pair.Dispose();
    }
}
