// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;

namespace UdpTunnel.Tests.Tunnel;

public sealed class ServerResolverTests : IAsyncDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly EventLog _events;
    private readonly List<TimeSpan> _asked = [];
    private readonly List<string> _found = [];
    private readonly DateTimeOffset _start;
    private Func<Task<IPAddress[]>> _answer = () => Task.FromResult<IPAddress[]>([]);
    private Func<IPAddress, string, IPAddress> _withZone = (_, _) =>
        throw new InvalidOperationException("no zone is asked for");
    private Task _running = Task.CompletedTask;

    public ServerResolverTests()
    {
        _events = new EventLog(_time, NullLogger<EventLog>.Instance);
        _start = _time.GetUtcNow();
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.WaitAsync(TimeSpan.FromSeconds(10));
        _stop.Dispose();
    }

    [Fact]
    public void A_literal_address_is_taken_at_once_and_never_looked_up()
    {
        var resolver = Run("192.0.2.7:8000");

        Assert.True(_running.IsCompletedSuccessfully);
        Assert.Equal(["192.0.2.7:8000"], _found);
        Assert.Equal((0, 0), (resolver.LookUps, resolver.Failures));
        Assert.Empty(_events.After(0));
    }

    [Fact]
    public async Task A_name_is_looked_up_at_once_and_every_30_seconds()
    {
        Answers("192.0.2.1");
        var resolver = Run();

        await PassAsync(95);

        Assert.Equal([0, 30, 60, 90], Seconds);
        Assert.Equal(["192.0.2.1:8000"], _found);
        Assert.Equal((4, 0), (resolver.LookUps, resolver.Failures));
        Assert.Equal([EventKind.DnsChanged], Kinds);
    }

    [Fact]
    public async Task A_first_look_up_that_fails_is_tried_again_soon_and_then_more_seldom()
    {
        Fails();
        var resolver = Run();

        await PassAsync(130);
        Assert.Equal([0, 1, 3, 7, 15, 31, 61, 91, 121], Seconds);
        Assert.Equal((9, 9), (resolver.LookUps, resolver.Failures));

        // Told once, not nine times.
        Assert.Equal([EventKind.DnsFailed], Kinds);
        Assert.Empty(_found);

        Answers("192.0.2.1");
        await PassAsync(60);
        Assert.Equal(["192.0.2.1:8000"], _found);
        Assert.Equal([EventKind.DnsFailed, EventKind.DnsChanged], Kinds);
    }

    [Fact]
    public async Task The_last_good_address_stays_when_look_ups_fail_or_answer_nothing()
    {
        Answers("192.0.2.1");
        var resolver = Run();
        Fails();
        await PassAsync(60);
        Answers();
        await PassAsync(30);
        Answers("192.0.2.1");
        await PassAsync(30);
        Answers();
        await PassAsync(30);

        Assert.Equal([0, 30, 60, 90, 120, 150], Seconds);
        Assert.Equal(["192.0.2.1:8000"], _found);
        Assert.Equal((6, 4), (resolver.LookUps, resolver.Failures));

        // One remark for each time that it stopped working.
        Assert.Equal([EventKind.DnsChanged, EventKind.DnsFailed, EventKind.DnsFailed], Kinds);
        Assert.Contains("staying with 192.0.2.1", _events.After(1)[0].Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_address_is_kept_as_long_as_it_is_among_the_answers()
    {
        Answers("192.0.2.1", "192.0.2.2");
        Run();
        Answers("192.0.2.2", "192.0.2.1");
        await PassAsync(30);
        Assert.Equal(["192.0.2.1:8000"], _found);

        Answers("2001:db8::3", "192.0.2.2");
        await PassAsync(30);
        Assert.Equal(["192.0.2.1:8000", "[2001:db8::3]:8000"], _found);
        Assert.Contains(
            "moved from 192.0.2.1 to [2001:db8::3]:8000",
            _events.After(1)[0].Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_look_up_without_an_end_counts_as_failed_after_20_seconds()
    {
        _answer = () => new TaskCompletionSource<IPAddress[]>().Task;
        var resolver = Run();

        await PassAsync(50);

        Assert.Equal([0, 21, 43], Seconds);
        Assert.Equal((3, 2), (resolver.LookUps, resolver.Failures));
        Assert.Contains("no answer in time", _events.After(0)[0].Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_ends_when_it_is_stopped_in_the_middle_of_a_look_up()
    {
        _answer = () => new TaskCompletionSource<IPAddress[]>().Task;
        var resolver = Run();
        Assert.False(_running.IsCompleted);

        await _stop.CancelAsync();

        await _running.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        Assert.Equal(0, resolver.Failures);
        Assert.Empty(_events.After(0));
    }

    [Fact]
    public async Task A_device_that_comes_later_is_found_and_one_that_comes_back_with_another_number_too()
    {
        _withZone = (_, zone) => throw new LinuxException($"there is no device {zone}", Errno.NoDevice);
        Run("[fe80::1%usb0]:8000");
        await PassAsync(10);
        Assert.Empty(_found);
        Assert.Equal([EventKind.DnsFailed], Kinds);
        Assert.Contains("no device usb0", _events.After(0)[0].Message, StringComparison.Ordinal);

        _withZone = (address, _) => new IPAddress(address.GetAddressBytes(), 3);
        await PassAsync(5);
        Assert.Equal(["[fe80::1%3]:8000"], _found);

        _withZone = (address, _) => new IPAddress(address.GetAddressBytes(), 9);
        await PassAsync(6);
        Assert.Equal(["[fe80::1%3]:8000", "[fe80::1%9]:8000"], _found);
    }

    [Fact]
    public async Task Whatever_a_look_up_throws_is_a_failed_look_up()
    {
        _answer = () => throw new LinuxException("cannot look", Errno.NoBuffers);
        var resolver = Run();
        await PassAsync(1);
        _answer = () => throw new InvalidOperationException("nobody expected this");
        await PassAsync(2);
        Answers("192.0.2.1");
        await PassAsync(4);

        Assert.Equal(3, resolver.Failures);
        Assert.Equal(["192.0.2.1:8000"], _found);
        Assert.False(_running.IsCompleted);
    }

    [Fact]
    public async Task The_next_address_of_the_name_is_tried_when_one_does_not_work_and_kept_then()
    {
        Answers("2001:db8::1", "2001:db8::2", "192.0.2.1");
        var resolver = Run();
        await PassAsync(1);

        Assert.Equal("192.0.2.1:8000", $"{resolver.TryNext()}");
        await PassAsync(30);
        Assert.Equal("[2001:db8::2]:8000", $"{resolver.TryNext()}");
        Assert.Equal("[2001:db8::1]:8000", $"{resolver.TryNext()}");

        Assert.Equal(["[2001:db8::1]:8000", "192.0.2.1:8000", "[2001:db8::2]:8000", "[2001:db8::1]:8000"], _found);
    }

    [Fact]
    public async Task A_name_with_one_address_has_no_next()
    {
        Answers("192.0.2.1");
        var resolver = Run();
        await PassAsync(1);

        Assert.Null(resolver.TryNext());
        Assert.Equal(["192.0.2.1:8000"], _found);
    }

    [Fact]
    public async Task The_address_that_a_run_before_used_is_preferred_while_the_name_has_it()
    {
        Answers("2001:db8::1", "192.0.2.1");
        var resolver = Run(prefer: "192.0.2.1");
        await PassAsync(1);
        Assert.Equal(["192.0.2.1:8000"], _found);

        Answers("2001:db8::1");
        await PassAsync(30);
        Assert.Equal(["192.0.2.1:8000", "[2001:db8::1]:8000"], _found);
        Assert.Null(resolver.TryNext());
    }

    private IEnumerable<int> Seconds => _asked.Select(t => (int)t.TotalSeconds);

    private IEnumerable<EventKind> Kinds => _events.After(0).Select(e => e.Kind);

    private void Answers(params string[] addresses) =>
        _answer = () => Task.FromResult(addresses.Select(IPAddress.Parse).ToArray());

    private void Fails() =>
        _answer = () => Task.FromException<IPAddress[]>(new SocketException((int)SocketError.HostNotFound));

    private ServerResolver Run(string server = "server.example:8000", string? prefer = null)
    {
        Assert.True(HostPort.TryParse(server, out var address, out var error), error);
        var resolver = new ServerResolver(
            address,
            "home",
            _events,
            _time,
            LookUp,
            (address, zone) => _withZone(address, zone),
            e => _found.Add(e.ToString())
        );
        if (prefer is not null)
        {
            resolver.Prefer(IPAddress.Parse(prefer));
        }

        _running = resolver.RunAsync(_stop.Token);
        return resolver;

        Task<IPAddress[]> LookUp(string host, CancellationToken cancellation)
        {
            Assert.Equal("server.example", host);
            _asked.Add(_time.GetUtcNow() - _start);
            return _answer();
        }
    }

    /// <summary>
    /// Lets time pass, a second at a time. What a timer starts runs to its next wait within the call that moves the
    /// clock, but for what goes on through the thread pool, which is given its turn.
    /// </summary>
    private async Task PassAsync(int seconds)
    {
        for (var i = 0; i < seconds; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Run(() => { }, TestContext.Current.CancellationToken);
        }
    }
}
