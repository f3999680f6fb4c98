// SPDX-License-Identifier: BSD-3-Clause

using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Hosting;

namespace UdpTunnel.Tests.Hosting;

/// <summary>What tunnels and relays have in common, with engines that do as they are told.</summary>
public sealed class HostTests
{
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(6);

    private readonly FakeTimeProvider _time = new();
    private readonly EventLog _events;

    public HostTests()
    {
        _events = new EventLog(_time, NullLogger<EventLog>.Instance);
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Of_two_hosts_that_start_one_name_at_once_exactly_one_wins_a_thousand_times()
    {
        var names = new HostNames();
        await using var tunnels = new TestHost("tunnel", names, _events, _time);
        await using var relays = new TestHost("relay", names, _events, _time);
        for (var i = 0; i < 1000; i++)
        {
            using var start = new Barrier(2);
            var won = await Task.WhenAll(Start(tunnels), Start(relays));

            Assert.Single(won, w => w);
            Assert.Equal(1, tunnels.Count + relays.Count);
            await (tunnels.Count == 1 ? tunnels : relays).StopAsync("same");

            Task<bool> Start(TestHost host) =>
                Task.Run(async () =>
                {
                    start.SignalAndWait(Cancellation);
                    try
                    {
                        await host.StartAsync("same");
                        return true;
                    }
                    catch (RequestException e) when (e.Fault == Fault.NameTaken)
                    {
                        return false;
                    }
                });
        }
    }

    [Fact]
    public async Task A_name_whose_start_failed_is_free()
    {
        await using var host = new TestHost("tunnel", new HostNames(), _events, _time)
        {
            StartFailure = new RequestException(Fault.System, "no device"),
        };
        await Assert.ThrowsAsync<RequestException>(() => host.StartAsync("a"));
        host.StartFailure = new InvalidOperationException("nobody expects this");
        await Assert.ThrowsAsync<InvalidOperationException>(() => host.StartAsync("a"));
        host.StartFailure = null;

        await host.StartAsync("a");
    }

    [Fact]
    public async Task One_that_throws_in_its_tick_fails_alone_and_is_started_again()
    {
        await using var host = new TestHost("tunnel", new HostNames(), _events, _time);
        await ((IHostTest)host).BeginAsync(Cancellation);
        await host.StartAsync("good");
        await host.StartAsync("bad");
        host["bad"].Failure = new InvalidOperationException("nobody expects this");

        await AdvanceUntilAsync(() => !host.IsRunning("bad"));

        Assert.True(host["good"].Ticks > 0);
        Assert.True(host.IsRunning("good"));
        var told = Assert.Single(_events.After(0), e => e.Kind == EventKind.TunnelFailed);
        Assert.Equal(("bad", "failed: nobody expects this; trying again"), (told.Tunnel, told.Message));

        var before = host["good"].Ticks;
        _time.Advance(Retry);
        await AdvanceUntilAsync(() => host.IsRunning("bad") && host["good"].Ticks > before);
    }

    [Fact]
    public async Task One_that_cannot_even_be_disposed_of_keeps_no_other_from_it()
    {
        var host = new TestHost("tunnel", new HostNames(), _events, _time);
        await host.StartAsync("a");
        await host.StartAsync("b");
        await host.StartAsync("c");
        var engines = new[] { host["a"], host["b"], host["c"] };
        engines[0].DisposeFailure = new InvalidOperationException("nobody expects this");

        await host.DisposeAsync();

        Assert.All(engines[1..], e => Assert.True(e.IsDisposed));
    }

    private async Task AdvanceUntilAsync(Func<bool> isTrue)
    {
        for (var i = 0; i < 200 && !isTrue(); i++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(10, Cancellation);
        }

        Assert.True(isTrue());
    }

    private interface IHostTest
    {
        Task BeginAsync(CancellationToken cancellation);
    }

    private sealed class Engine : IDisposable
    {
        public Exception? Failure { get; set; }

        public Exception? DisposeFailure { get; set; }

        public int Ticks { get; set; }

        public bool IsDisposed { get; private set; }

        public void Dispose()
        {
            IsDisposed = true;
            if (DisposeFailure is { } failure)
            {
                throw failure;
            }
        }
    }

    private sealed class TestHost(string kind, HostNames names, EventLog events, TimeProvider time)
        : Host<TunnelConfig, Engine>(
            new HostedKind(
                kind,
                1024,
                Fault.NoSuchTunnel,
                Limit.Tunnels,
                EventKind.TunnelStarted,
                EventKind.TunnelStopped,
                EventKind.TunnelFailed
            ),
            names,
            events,
            time,
            new Supervised(NullLogger<Supervised>.Instance)
        ),
            IHostTest
    {
        public Exception? StartFailure { get; set; }

        public Engine this[string name] => Table.Find(name).Engine!;

        public bool IsRunning(string name) => Table.Find(name).IsRunning;

        public Task BeginAsync(CancellationToken cancellation) => base.StartAsync(cancellation);

        public Task StartAsync(string name) => StartEntryAsync(Config(name), ephemeral: true, Cancellation);

        public Task StopAsync(string name) => StopEntryAsync(name, Cancellation);

        protected override IReadOnlyList<TunnelConfig> LoadStored() => [];

        protected override void Save(TunnelConfig config) { }

        protected override void Unstore(string name) { }

        protected override void Forget(HostEntry<TunnelConfig, Engine> entry) { }

        protected override (Engine Engine, string What) Open(HostEntry<TunnelConfig, Engine> entry, object? memory) =>
            StartFailure is null ? (new Engine(), "runs") : throw StartFailure;

        protected override IReadOnlyList<FieldChange> Differences(TunnelConfig before, TunnelConfig after) =>
            ConfigDiff.Between(before, after);

        protected override void Tick(HostEntry<TunnelConfig, Engine> entry)
        {
            var engine = entry.Engine!;
            engine.Ticks++;
            if (engine.Failure is { } failure)
            {
                throw failure;
            }
        }

        private static TunnelConfig Config(string name) =>
            (TunnelConfig)
                ConfigFile
                    .Parse(
                        System.Text.Encoding.UTF8.GetBytes(
                            $$"""{"Name": "{{name}}", "TunnelAddress": "10.0.0.1", "NetworkAddress": ":8000", "AllowedPorts": [22]}"""
                        ),
                        name
                    )
                    .Configuration!;
    }
}
