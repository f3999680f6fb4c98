// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Hosting;
using UdpTunnel.State;

namespace UdpTunnel.Doctor;

/// <summary>Whether the administrator's files can be used.</summary>
internal sealed class ConfigDirectoryCheck(DaemonOptions options) : ICheck
{
    /// <inheritdoc/>
    public string Id => "config_directory";

    /// <inheritdoc/>
    public IEnumerable<Finding> Run(Patient patient)
    {
        if (ConfigClaim.HolderOf(options.ConfigDirectory) is { } holder)
        {
            return
            [
                new Finding(
                    Id,
                    CheckResult.Warning,
                    $"the files in {Path.Combine(options.ConfigDirectory, "tunnels.d")} are another udptunneld's (process {holder}): "
                        + "none is started here",
                    "udptunneld --config-dir DIRECTORY, for this one"
                ),
            ];
        }

        var files = ConfigDirectory.Read(options.ConfigDirectory);
        return files.All(f => f.Configuration is not null)
            ?
            [
                new Finding(
                    Id,
                    CheckResult.Ok,
                    $"{files.Count} files in {Path.Combine(options.ConfigDirectory, "tunnels.d")}, without a mistake"
                ),
            ]
            : files
                .Where(f => f.Configuration is null)
                .Select(f => new Finding(Id, CheckResult.Failure, f.Problem, $"udptunnelctl check {f.Path}"));
    }
}
