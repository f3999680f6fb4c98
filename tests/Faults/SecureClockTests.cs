// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Faults;

/// <summary>
/// The wall clock of a secure tunnel's end goes back and forth. The other end takes no handshake that seems older than
/// the last. What a gap in the monotonic clock does: Unit.WireGuard.TimerTests and SimulationTests.
/// </summary>
public sealed class SecureClockTests
{
    [Fact]
    public async Task Handshakes_go_on_whatever_the_wall_clock_is_set_to_and_are_shown_at_the_time_that_it_says()
    {
        using var clock = new WallClock();
        await using var lab = await SecureLab.StartAsync(prepare: hosts =>
        {
            hosts.Client.AddDaemon(clock.Launcher);
            return Task.CompletedTask;
        });
        await lab.MeetAsync();
        foreach (var jump in (string[])["+1h", "-1h", "+36500d", "-3650d", "+0"])
        {
            clock.Set(jump);
            await lab.Client.Daemon.TerminateAsync();
            await lab.Client.Daemon.StartAsync();

            await lab.Client.WaitForPingAsync("10.99.0.1");
            var status = await lab.Server.Control.StatusAsync("t");
            Assert.Equal(0, status.Drops("handshake_replayed", "in"));
        }
    }
}
