// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;

namespace UdpTunnel.Doctor;

/// <summary>
/// The kernel's connection tracking, which drops what it has no room for and forgets UDP flows that are silent.
/// </summary>
internal sealed class ConntrackCheck : ICheck
{
    private const string Directory = "/proc/sys/net/netfilter";

    /// <inheritdoc/>
    public string Id => "conntrack";

    /// <inheritdoc/>
    public IEnumerable<Finding> Run(Patient patient)
    {
        if (Number("nf_conntrack_max") is not { } max || Number("nf_conntrack_count") is not { } count)
        {
            return [new Finding(Id, CheckResult.Ok, "connection tracking is not in use here")];
        }

        // At its bound the kernel forgets entries to make room (early_drop), so that a full table may show a few less.
        if (max > 0 && count >= max * 9 / 10)
        {
            return
            [
                new Finding(
                    Id,
                    count >= max - (max / 100) ? CheckResult.Failure : CheckResult.Warning,
                    $"connection tracking has {count} of {max} entries; when it is full, flows are forgotten and new ones dropped",
                    $"sudo sysctl net.netfilter.nf_conntrack_max={max * 2}"
                ),
            ];
        }

        var timeout = Number("nf_conntrack_udp_timeout_stream") ?? long.MaxValue;
        var late = patient.Tunnels.FirstOrDefault(t =>
            !t.Config.IsServer && t.Config.HeartbeatInterval.TotalSeconds >= timeout
        );
        return late is null
            ? [new Finding(Id, CheckResult.Ok, $"connection tracking has {count} of {max} entries")]
            :
            [
                new Finding(
                    Id,
                    CheckResult.Warning,
                    $"this host forgets a UDP flow that is silent for {timeout} s, before the next heartbeat",
                    $"\"HeartbeatInterval\": {timeout / 2}",
                    late.Config.Name
                ),
            ];
    }

    private static long? Number(string name)
    {
        var path = Path.Combine(Directory, name);
        return File.Exists(path) ? long.Parse(File.ReadAllText(path).Trim(), CultureInfo.InvariantCulture) : null;
    }
}
