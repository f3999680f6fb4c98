// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Access;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;

namespace UdpTunnel.Doctor;

/// <summary>Who can reach the control socket.</summary>
internal sealed class SocketCheck(DaemonOptions options, AccessPolicy policy) : ICheck
{
    private const UnixFileMode Others = UnixFileMode.OtherRead | UnixFileMode.OtherWrite;

    /// <inheritdoc/>
    public string Id => "control_socket";

    /// <inheritdoc/>
    public IEnumerable<Finding> Run(Patient patient)
    {
        var path = Path.GetFullPath(options.Socket);
        if (!File.Exists(path))
        {
            return
            [
                new Finding(
                    Id,
                    CheckResult.Failure,
                    $"{path} is gone: nobody finds the daemon any more",
                    "sudo systemctl restart udptunneld"
                ),
            ];
        }

        if ((File.GetUnixFileMode(path) & Others) != 0)
        {
            return
            [
                new Finding(
                    Id,
                    CheckResult.Failure,
                    $"{path} was opened to everybody (each call is checked all the same)",
                    $"sudo chmod 660 {path}"
                ),
            ];
        }

        if (policy.OperateGroup is not { } group)
        {
            return
            [
                new Finding(
                    Id,
                    CheckResult.Warning,
                    $"there is no group {DaemonOptions.OperateGroup}: only root may use the socket",
                    $"sudo groupadd --system {DaemonOptions.OperateGroup} && sudo systemctl restart udptunneld"
                ),
            ];
        }

        if (FileStatus.Of(path).Group != group.Id)
        {
            return
            [
                new Finding(
                    Id,
                    CheckResult.Warning,
                    $"{path} is not group {group.Name}'s",
                    $"sudo chgrp {group.Name} {path}"
                ),
            ];
        }

        foreach (var member in new[] { group, policy.LookGroup })
        {
            if (member is not null && ClosedDirectory(path, member) is { } closed)
            {
                return
                [
                    new Finding(
                        Id,
                        CheckResult.Warning,
                        $"group {member.Name} cannot reach the socket: {closed} is closed to it",
                        $"sudo chmod a+x {closed}"
                    ),
                ];
            }
        }

        return [new Finding(Id, CheckResult.Ok, $"{path} is for root and group {group.Name}")];
    }

    /// <summary>A directory on the way that members of a group may not enter, or null.</summary>
    private static string? ClosedDirectory(string path, UnixGroup group)
    {
        for (
            var directory = Path.GetDirectoryName(path);
            directory is not null;
            directory = Path.GetDirectoryName(directory)
        )
        {
            var mode = File.GetUnixFileMode(directory);
            var byGroup = mode.HasFlag(UnixFileMode.GroupExecute) && FileStatus.Of(directory).Group == group.Id;
            if (!mode.HasFlag(UnixFileMode.OtherExecute) && !byGroup)
            {
                return directory;
            }
        }

        return null;
    }
}
