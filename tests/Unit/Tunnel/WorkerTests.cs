// SPDX-License-Identifier: BSD-3-Clause

using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Tests.Tunnel;

public sealed class WorkerTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly Supervised Supervised = new(NullLogger<Supervised>.Instance);
    private static readonly WatchOwner Owner = new("test", e => Assert.Fail($"{e}"));

    [Fact]
    public void A_handler_is_called_when_its_descriptor_is_readable_and_no_other()
    {
        using var worker = new Worker("test", Supervised);
        using var signal = new WakeSignal();
        using var silent = new WakeSignal();
        using var called = new SemaphoreSlim(0);
        var others = 0;
        using var watch = worker.Watch(signal.Descriptor, Owner, _ => Answer(signal, called));
        using var other = worker.Watch(silent.Descriptor, Owner, _ => others++);

        for (var i = 0; i < 3; i++)
        {
            signal.Raise();
            Assert.True(called.Wait(Patience, TestContext.Current.CancellationToken));
        }

        Assert.Equal(0, others);
    }

    [Fact]
    public async Task A_handler_is_called_again_and_again_while_its_descriptor_stays_readable_and_starves_nobody()
    {
        using var worker = new Worker("test", Supervised);
        using var busy = new WakeSignal();
        using var signal = new WakeSignal();
        using var called = new SemaphoreSlim(0);
        var times = 0L;
        using var watchBusy = worker.Watch(busy.Descriptor, Owner, _ => Interlocked.Increment(ref times));
        using var watch = worker.Watch(signal.Descriptor, Owner, _ => Answer(signal, called));
        busy.Raise();

        signal.Raise();

        Assert.True(await called.WaitAsync(Patience, TestContext.Current.CancellationToken));
        await worker.TurnAsync().WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.NotEqual(0, Interlocked.Read(ref times));
    }

    [Fact]
    public void What_is_due_is_called_once_at_its_time_in_order_and_not_before()
    {
        using var worker = new Worker("test", Supervised);
        using var signal = new WakeSignal();
        using var called = new BlockingCollection<(string Name, long At)>();
        using var first = worker.Watch(
            signal.Descriptor,
            Owner,
            _ => { },
            _ => called.Add(("first", Environment.TickCount64))
        );
        using var other = new WakeSignal();
        using var second = worker.Watch(
            other.Descriptor,
            Owner,
            _ => { },
            _ => called.Add(("second", Environment.TickCount64))
        );
        var now = Environment.TickCount64;

        // The second is put off, then brought forward; the first keeps its time.
        second.CallAt(now + 20);
        second.CallAt(now + 600_000);
        first.CallAt(now + 150);
        second.CallAt(now + 50);

        Assert.True(called.TryTake(out var one, Patience));
        Assert.True(called.TryTake(out var two, Patience));
        Assert.Equal(("second", "first"), (one.Name, two.Name));
        Assert.True(one.At >= now + 50 && two.At >= now + 150, $"{one.At - now} and {two.At - now} ms");
        Assert.False(called.TryTake(out _, 200, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task What_is_due_is_not_called_once_its_watch_has_ended()
    {
        using var worker = new Worker("test", Supervised);
        using var signal = new WakeSignal();
        for (var i = 0; i < 200; i++)
        {
            var ended = false;
            var late = false;
            var watch = worker.Watch(
                signal.Descriptor,
                Owner,
                _ => { },
                w =>
                {
                    late |= Volatile.Read(ref ended);
                    w.CallAt(Environment.TickCount64);
                }
            );
            watch.CallAt(Environment.TickCount64);
            watch.Dispose();
            Volatile.Write(ref ended, true);
            await worker.TurnAsync().WaitAsync(Patience, TestContext.Current.CancellationToken);
            Assert.False(late);
        }
    }

    [Fact]
    public async Task A_handler_does_not_run_once_its_watch_has_ended()
    {
        using var worker = new Worker("test", Supervised);
        using var signal = new WakeSignal();
        signal.Raise();
        for (var i = 0; i < 200; i++)
        {
            var ended = false;
            var late = false;
            var watch = worker.Watch(signal.Descriptor, Owner, _ => late |= Volatile.Read(ref ended));

            watch.Dispose();
            Volatile.Write(ref ended, true);

            await worker.TurnAsync().WaitAsync(Patience, TestContext.Current.CancellationToken);
            Assert.False(late);
        }
    }

    [Fact]
    public async Task A_paused_handler_is_called_again_when_it_is_resumed()
    {
        using var worker = new Worker("test", Supervised);
        using var signal = new WakeSignal();
        using var called = new SemaphoreSlim(0);
        using var watch = worker.Watch(signal.Descriptor, Owner, w =>
        {
            w.Pause();
            called.Release();
        });
        signal.Raise();
        Assert.True(await called.WaitAsync(Patience, TestContext.Current.CancellationToken));
        await worker.TurnAsync().WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.Equal(0, called.CurrentCount);

        watch.Resume();

        Assert.True(await called.WaitAsync(Patience, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_thousand_descriptors_come_and_go_while_others_are_served()
    {
        using var worker = new Worker("test", Supervised);
        using var signal = new WakeSignal();
        using var called = new SemaphoreSlim(0);
        using var watch = worker.Watch(signal.Descriptor, Owner, _ => Answer(signal, called));
        var signals = Enumerable.Range(0, 1000).Select(_ => new WakeSignal()).ToList();

        foreach (var round in Enumerable.Range(0, 3))
        {
            var watches = signals.ConvertAll(s => worker.Watch(s.Descriptor, Owner, _ => { }));
            signal.Raise();
            Assert.True(called.Wait(Patience, TestContext.Current.CancellationToken), $"round {round}");
            Parallel.ForEach(watches, w => w.Dispose());
        }

        signals.ForEach(s => s.Dispose());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_handler_that_throws_is_called_no_more_and_its_owner_learns_of_it_while_others_are_served(
        bool byTime
    )
    {
        using var worker = new Worker("test", Supervised);
        using var bad = new WakeSignal();
        using var good = new WakeSignal();
        using var called = new SemaphoreSlim(0);
        var thrown = 0;
        var failure = new TaskCompletionSource<Exception>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var failing = worker.Watch(bad.Descriptor, new WatchOwner("bad", failure.SetResult), Throw, Throw);
        using var other = worker.Watch(good.Descriptor, Owner, _ => Answer(good, called));

        if (byTime)
        {
            failing.CallAt(Environment.TickCount64);
        }
        else
        {
            bad.Raise();
        }

        var learned = await failure.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.Equal("a fault", learned.Message);

        // Neither what is readable, nor a time, nor a resumption brings it back.
        bad.Raise();
        failing.Resume();
        failing.CallAt(Environment.TickCount64);
        for (var i = 0; i < 3; i++)
        {
            good.Raise();
            Assert.True(await called.WaitAsync(Patience, TestContext.Current.CancellationToken));
        }

        Assert.Equal(1, thrown);

        void Throw(Watch watch)
        {
            thrown++;
            throw new InvalidDataException("a fault");
        }
    }

    [Fact]
    public async Task A_worker_whose_thread_has_failed_tells_all_owners_and_the_pool_has_another_one()
    {
        using var pool = new WorkerPool(Supervised);
        var worker = pool.Take();
        using var first = new WakeSignal();
        using var second = new WakeSignal();
        List<string> learned = [];
        var watches = new[] { first, second }
            .Select(
                (s, i) =>
                    worker.Watch(s.Descriptor, new WatchOwner($"{i}", e => learned.Add($"{i} {e.Message}")), _ => { })
            )
            .ToList();

        worker.OnFailed(new InvalidDataException("a fault"));

        Assert.Equal(["0 a fault", "1 a fault"], learned);
        Assert.Throws<IOException>(() => worker.Watch(first.Descriptor, Owner, _ => { }));
        await worker.TurnAsync().WaitAsync(Patience, TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<InvalidOperationException>(() => worker.RunAsync(() => { }));
        watches.ForEach(w => w.Dispose());
        Assert.NotSame(worker, pool.Take());
        pool.Return(worker);
        Assert.DoesNotContain(worker, pool.Workers);
    }

    [Fact]
    public void A_descriptor_that_cannot_be_watched_is_refused()
    {
        using var worker = new Worker("test", Supervised);

        Assert.Throws<LinuxException>(() => worker.Watch(-1, Owner, _ => { }));
    }

    [Fact]
    public void The_pool_has_at_most_a_worker_for_each_processor_and_gives_each_its_share()
    {
        using var pool = new WorkerPool(Supervised);

        var taken = Enumerable.Range(0, Environment.ProcessorCount * 3).Select(_ => pool.Take()).ToList();

        Assert.Equal(Environment.ProcessorCount, pool.Workers.Count);
        Assert.All(taken.CountBy(w => w), w => Assert.Equal(3, w.Value));
        var left = taken[0];
        pool.Return(left);
        Assert.Same(left, pool.Take());
    }

    private static void Answer(WakeSignal signal, SemaphoreSlim called)
    {
        signal.Clear();
        called.Release();
    }
}
