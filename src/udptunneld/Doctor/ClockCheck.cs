// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Linux;

namespace UdpTunnel.Doctor;

/// <summary>
/// The wall clock: times in logs, events and metrics come from it. Tunnels and relays themselves go by the monotonic
/// clock.
/// </summary>
internal sealed class ClockCheck : ICheck
{
    /// <summary>Older than this program.</summary>
    private static readonly DateTimeOffset Impossible = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <inheritdoc/>
    public string Id => "clock";

    /// <inheritdoc/>
    public IEnumerable<Finding> Run(Patient patient)
    {
        const string Remedy = "sudo timedatectl set-ntp true";
        var now = DateTimeOffset.UtcNow;
        if (now < Impossible)
        {
            return
            [
                new Finding(
                    Id,
                    CheckResult.Failure,
                    $"the clock says {now:yyyy-MM-dd}, which was before this program was written",
                    Remedy
                ),
            ];
        }

        return SystemClock.IsSynchronised()
            ? [new Finding(Id, CheckResult.Ok, "the clock is synchronised")]
            :
            [
                new Finding(
                    Id,
                    CheckResult.Warning,
                    "nothing keeps the clock right: times in logs and events may be wrong",
                    Remedy
                ),
            ];
    }
}
