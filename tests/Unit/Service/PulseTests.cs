// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Waiting;

namespace UdpTunnel.Tests.Service;

/// <summary>
/// The heartbeats of threads. One look changes what the next one sees, so whoever looks does it by turns.
/// </summary>
[Collection(nameof(Pulse))]
public sealed class PulseTests
{
    [Fact]
    public void A_thread_that_waits_is_well_however_long() =>
        Assert.Equal(
            [false, false, false],
            Looks(pulse =>
            {
                pulse.Works();
                pulse.Waits();
            })
        );

    [Fact]
    public void A_thread_that_works_without_end_hangs() =>
        Assert.Equal([false, true, true], Looks(pulse => pulse.Works()));

    [Fact]
    public void A_thread_that_works_again_and_again_is_well() =>
        Assert.Equal(
            [false, false, false],
            Looks(
                pulse => pulse.Works(),
                pulse =>
                {
                    pulse.Waits();
                    pulse.Works();
                }
            )
        );

    [Fact]
    public void Working_on_without_a_wait_is_a_turn_too() =>
        Assert.Equal([false, false, false], Looks(pulse => pulse.Works(), pulse => pulse.Works()));

    [Fact]
    public void A_thread_that_has_ended_does_not_hang()
    {
        var name = Guid.NewGuid().ToString();
        var thread = new Thread(() =>
        {
            using var pulse = Pulse.OfThisThread();
            pulse.Works();
        })
        {
            Name = name,
        };
        thread.Start();
        thread.Join();

        _ = Pulse.Stuck();

        Assert.DoesNotContain(name, Pulse.Stuck());
    }

    /// <summary>Whether a thread is seen to hang, three times one after the other.</summary>
    private static bool[] Looks(Action<Pulse> first, Action<Pulse>? again = null)
    {
        var name = Guid.NewGuid().ToString();
        bool[] looks = new bool[3];
        var thread = new Thread(() =>
        {
            using var pulse = Pulse.OfThisThread();
            first(pulse);
            for (var i = 0; i < looks.Length; i++)
            {
                looks[i] = Pulse.Stuck().Contains(name);
                again?.Invoke(pulse);
            }
        })
        {
            Name = name,
        };
        thread.Start();
        thread.Join();
        return looks;
    }
}
