// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;

namespace UdpTunnel.Doctor;

/// <summary>What the kernel lets the daemon do (capabilities(7)).</summary>
internal sealed class CapabilityCheck : ICheck
{
    private const int CAP_NET_BIND_SERVICE = 10;
    private const int CAP_NET_ADMIN = 12;

    /// <inheritdoc/>
    public string Id => "capabilities";

    /// <inheritdoc/>
    public IEnumerable<Finding> Run(Patient patient)
    {
        const string Field = "CapEff:";
        var line = File.ReadLines("/proc/self/status").First(l => l.StartsWith(Field, StringComparison.Ordinal));
        var effective = ulong.Parse(
            line.AsSpan(Field.Length).Trim(),
            NumberStyles.HexNumber,
            CultureInfo.InvariantCulture
        );
        if (!Has(CAP_NET_ADMIN))
        {
            return
            [
                new Finding(
                    Id,
                    CheckResult.Failure,
                    "the daemon lacks CAP_NET_ADMIN, without which there is no TUN device",
                    Remedy("CAP_NET_ADMIN")
                ),
            ];
        }

        if (!Has(CAP_NET_BIND_SERVICE) && LowPorts(patient).FirstOrDefault() is { Name: not null } low)
        {
            return
            [
                new Finding(
                    Id,
                    CheckResult.Failure,
                    $"the daemon lacks CAP_NET_BIND_SERVICE, which port {low.Port} needs",
                    Remedy("CAP_NET_ADMIN CAP_NET_BIND_SERVICE"),
                    low.Name
                ),
            ];
        }

        return [new Finding(Id, CheckResult.Ok, "the daemon may do what it needs")];

        bool Has(int capability) => (effective & (1UL << capability)) != 0;
    }

    private static string Remedy(string capabilities) =>
        $"sudo systemctl edit udptunneld  # AmbientCapabilities={capabilities}";

    private static IEnumerable<(string Name, int Port)> LowPorts(Patient patient)
    {
        const string Bound = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
        var first = File.Exists(Bound) ? int.Parse(File.ReadAllText(Bound).Trim(), CultureInfo.InvariantCulture) : 1024;
        return PortCheck.PortsOf(patient).Where(p => p.Port < first).Select(p => (p.Subject, p.Port));
    }
}
