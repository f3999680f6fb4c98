// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using UdpTunnel.Linux;

namespace UdpTunnel.Tests.Linux;

public sealed class TimeSliceTests
{
    private const int NiceField = 19;

    [Fact]
    public void A_thread_has_the_scheduler_s_shortest_slice_and_stays_as_nice_as_it_was()
    {
        var slice = -1L;
        var (before, after) = ("", "");
        var thread = new Thread(() =>
        {
            before = Niceness();
            TimeSlice.Shorten();
            after = Niceness();
            slice = Slice();
        });
        thread.Start();
        thread.Join();
        Assert.NotEmpty(before);
        Assert.Equal(before, after);
        Assert.SkipWhen(
            slice < 0,
            "this kernel does not tell the slice of a thread (Linux 6.12 with CONFIG_SCHED_DEBUG does)"
        );
        Assert.Equal(100_000, slice);
    }

    // proc_pid_stat(5): the name, in parentheses, may have spaces.
    private static string Niceness()
    {
        var stat = File.ReadAllText("/proc/thread-self/stat");
        return stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[NiceField - 3];
    }

    private static long Slice()
    {
        const string Name = "se.slice";
        return
            File.Exists("/proc/thread-self/sched")
            && File.ReadLines("/proc/thread-self/sched")
                .FirstOrDefault(l => l.StartsWith(Name, StringComparison.Ordinal))
                is { } line
            ? long.Parse(line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..], CultureInfo.InvariantCulture)
            : -1;
    }
}
