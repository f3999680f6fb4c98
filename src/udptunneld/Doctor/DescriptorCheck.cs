// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using UdpTunnel.Config;

namespace UdpTunnel.Doctor;

/// <summary>
/// Whether the daemon may open as many sockets as its relays may need: a sender has one for each flow.
/// </summary>
internal sealed class DescriptorCheck : ICheck
{
    /// <summary>For everything but flows.</summary>
    private const long Reserve = 256;

    /// <inheritdoc/>
    public string Id => "open_files";

    /// <inheritdoc/>
    public IEnumerable<Finding> Run(Patient patient)
    {
        const string Field = "Max open files";
        var words = File.ReadLines("/proc/self/limits")
            .First(l => l.StartsWith(Field, StringComparison.Ordinal))[Field.Length..]
            .Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var needed =
            Reserve + patient.Relays.Where(r => r.Config.Relay == RelayRole.Sender).Sum(r => (long)r.Config.MaxFlows);
        var limit = long.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : long.MaxValue;
        return limit >= needed
            ? [new Finding(Id, CheckResult.Ok, $"{words[0]} files may be open")]
            :
            [
                new Finding(
                    Id,
                    CheckResult.Warning,
                    $"{limit} files may be open; with all flows live there would be {needed}",
                    $"sudo systemctl edit udptunneld  # LimitNOFILE={needed}"
                ),
            ];
    }
}
