// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using UdpTunnel.Tests.Api.Daemon;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Api.Tunnels;

/// <summary>ListTunnels and WatchTunnels.</summary>
public sealed class LookTests(DaemonFixture fixture) : IClassFixture<DaemonFixture>
{
    private TunnelService.TunnelServiceClient Client => fixture.Channel.Tunnels;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Tunnels_come_in_the_order_of_their_names()
    {
        await StartAsync(("b", 1), ("a", 2), ("c-1", 3), ("C", 4));

        Assert.Equal(["C", "a", "b", "c-1"], (await ListAsync()).Where(n => n is "C" or "a" or "b" or "c-1"));
        Assert.Equal(["a", "c-1"], await ListAsync("c-1", "a", "c-1"));
    }

    [Fact]
    public async Task An_unknown_name_is_not_found()
    {
        (
            await Failure.OfAsync(
                Client.ListTunnelsAsync(
                    new ListTunnelsRequest { Names = { "nobody" } },
                    cancellationToken: Cancellation
                )
            )
        ).Is(StatusCode.NotFound, "NO_SUCH_TUNNEL");
        (
            await Failure.OfAsync(
                Client.WatchTunnels(new WatchTunnelsRequest { Names = { "nobody" } }, cancellationToken: Cancellation)
            )
        ).Is(StatusCode.NotFound, "NO_SUCH_TUNNEL");
    }

    [Fact]
    public async Task A_watch_begins_at_once_with_all_and_goes_on_at_its_interval()
    {
        var clock = Stopwatch.StartNew();
        using var call = Watch(TimeSpan.FromMilliseconds(100));
        var names = await NextAsync(call);
        Assert.Equal(await ListAsync(), names);
        var first = clock.Elapsed;
        for (var i = 0; i < 5; i++)
        {
            await NextAsync(call);
        }

        Assert.InRange(clock.Elapsed - first, TimeSpan.FromMilliseconds(350), TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task A_watch_without_an_interval_has_one_of_a_second()
    {
        using var call = Client.WatchTunnels(new WatchTunnelsRequest(), cancellationToken: Cancellation);
        await NextAsync(call);
        var first = call.ResponseStream.Current.Time.ToDateTimeOffset();
        await NextAsync(call);

        Assert.InRange(
            call.ResponseStream.Current.Time.ToDateTimeOffset() - first,
            TimeSpan.FromSeconds(0.9),
            TimeSpan.FromSeconds(3)
        );
    }

    [Fact]
    public async Task A_watch_sees_tunnels_come_and_go()
    {
        await StartAsync(("kept", 5), ("going", 6));
        using var all = Watch(TimeSpan.FromMilliseconds(100));
        using var two = Watch(TimeSpan.FromMilliseconds(100), "going", "kept");
        Assert.Equal(["going", "kept"], await NextAsync(two));
        Assert.Contains("going", await NextAsync(all));

        await Client.StopTunnelAsync(new StopTunnelRequest { Name = "going" }, cancellationToken: Cancellation);
        await StartAsync(("coming", 7));

        await Eventually.BecomesTrueAsync(
            async () => await NextAsync(all) is var names && names.Contains("coming") && !names.Contains("going"),
            () => "the watch of all stays"
        );
        await Eventually.BecomesTrueAsync(async () => await NextAsync(two) is ["kept"], () => "the watch of two stays");
    }

    [Fact]
    public async Task A_watch_of_changes_has_all_at_first_and_then_what_differs_and_what_is_gone()
    {
        await StartAsync(("quiet", 8), ("leaving", 9));
        using var call = Client.WatchTunnels(
            new WatchTunnelsRequest
            {
                Names = { "quiet", "leaving" },
                Interval = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(100)),
                ChangesOnly = true,
            },
            cancellationToken: Cancellation
        );
        Assert.Equal(["leaving", "quiet"], await NextAsync(call));

        // Nothing was said of the other tunnel, however often it was looked at.
        await Client.UpdatePortsAsync(
            new UpdatePortsRequest
            {
                Name = "quiet",
                Allow =
                {
                    new PortRange { First = 9001, Last = 9001 },
                },
            },
            cancellationToken: Cancellation
        );
        var names = new HashSet<string>();
        while (!names.Contains("quiet"))
        {
            names.UnionWith(await NextAsync(call));
            Assert.Empty(call.ResponseStream.Current.Removed);
        }

        Assert.Contains(call.ResponseStream.Current.Tunnels[^1].AllowedPorts, p => p.First == 9001);
        await Task.Delay(TimeSpan.FromSeconds(1), Cancellation);
        await Client.StopTunnelAsync(new StopTunnelRequest { Name = "leaving" }, cancellationToken: Cancellation);
        while (call.ResponseStream.Current.Removed.Count == 0)
        {
            await NextAsync(call);
        }

        Assert.Equal(["leaving"], call.ResponseStream.Current.Removed);

        // While nothing changes, nothing comes.
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        patience.CancelAfter(TimeSpan.FromSeconds(2));
        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            for (var i = 0; i < 15; i++)
            {
                await call.ResponseStream.MoveNext(patience.Token);
            }
        });
    }

    [Fact]
    public async Task The_bounds_of_the_interval_are_allowed()
    {
        using var shortest = Watch(TimeSpan.FromMilliseconds(100));
        using var longest = Watch(TimeSpan.FromHours(1));
        await NextAsync(shortest);
        await NextAsync(longest);
    }

    /// <remarks>
    /// The last four are no durations at all: signs that differ, too many nanoseconds, more than 10,000 years.
    /// </remarks>
    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, 99_999_999)]
    [InlineData(3600, 1)]
    [InlineData(-1, 0)]
    [InlineData(1, -1)]
    [InlineData(0, 2_000_000_000)]
    [InlineData(315_576_000_001, 0)]
    [InlineData(long.MaxValue, 0)]
    public async Task An_interval_out_of_bounds_is_refused(long seconds, int nanoseconds)
    {
        var request = new WatchTunnelsRequest
        {
            Interval = new Duration { Seconds = seconds, Nanos = nanoseconds },
        };

        (await Failure.OfAsync(Client.WatchTunnels(request, cancellationToken: Cancellation))).Is(
            StatusCode.InvalidArgument,
            "INVALID_REQUEST"
        );
    }

    private AsyncServerStreamingCall<WatchTunnelsResponse> Watch(TimeSpan interval, params string[] names) =>
        Client.WatchTunnels(
            new WatchTunnelsRequest { Interval = Duration.FromTimeSpan(interval), Names = { names } },
            cancellationToken: Cancellation
        );

    private static async Task<string[]> NextAsync(AsyncServerStreamingCall<WatchTunnelsResponse> call)
    {
        Assert.True(await call.ResponseStream.MoveNext(Cancellation));
        return [.. call.ResponseStream.Current.Tunnels.Select(t => t.Name)];
    }

    private async Task<string[]> ListAsync(params string[] names) =>
        [
            .. (
                await Client.ListTunnelsAsync(
                    new ListTunnelsRequest { Names = { names } },
                    cancellationToken: Cancellation
                )
            ).Tunnels.Select(t => t.Name),
        ];

    private async Task StartAsync(params (string Name, int Number)[] tunnels)
    {
        Requirements.Tun();
        foreach (var (name, number) in tunnels)
        {
            await Client.StartTunnelAsync(Configurations.Start(name, number), cancellationToken: Cancellation);
        }
    }
}
