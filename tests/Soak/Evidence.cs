// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Soak;

/// <summary>What a person needs to see why something does not go on.</summary>
internal static class Evidence
{
    private const int LogLines = 20;

    /// <summary>
    /// Both ends of a lab: connections with their timers, devices with their counters, what the daemons say.
    /// </summary>
    public static async Task<string> OfAsync(Lab lab)
    {
        var text = new StringBuilder();
        foreach (var host in new[] { lab.Server, lab.Client })
        {
            text.AppendLine().AppendLine($"=== {host.Namespace.Name}");
            text.AppendLine((await host.Namespace.TryAsync("ss", "-tinmo")).Output);
            text.AppendLine((await host.Namespace.TryAsync("ip", "-s", "address")).Output);
            text.AppendLine((await host.Control.TryRawAsync("status")).Output);
            text.AppendJoin('\n', host.Daemon.Log.Split('\n').TakeLast(LogLines)).AppendLine();
        }

        return text.ToString();
    }
}
