// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Hosting;

namespace UdpTunnel.Doctor;

/// <summary>Whether what runs can be stored.</summary>
internal sealed class StateDirectoryCheck(DaemonOptions options) : ICheck
{
    private const long EnoughBytes = 16 << 20;

    /// <inheritdoc/>
    public string Id => "state_directory";

    /// <inheritdoc/>
    public IEnumerable<Finding> Run(Patient patient)
    {
        var directory = Path.GetFullPath(options.StateDirectory);

        // No state begins with a dot, and the file is gone when it is closed.
        var probe = Path.Combine(directory, ".doctor");
        try
        {
            using var file = new FileStream(
                probe,
                FileMode.Create,
                FileAccess.Write,
                FileShare.None,
                bufferSize: 1,
                FileOptions.DeleteOnClose
            );
            file.WriteByte(0);
            file.Flush(flushToDisk: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return
            [
                new Finding(
                    Id,
                    CheckResult.Failure,
                    $"what runs cannot be stored: {e.Message}",
                    $"ls -ld {directory}; df {directory}"
                ),
            ];
        }

        var free = new DriveInfo(directory).AvailableFreeSpace;
        return free < EnoughBytes
            ? [new Finding(Id, CheckResult.Warning, $"{directory} has {free / 1024} KiB left", $"df {directory}")]
            : [new Finding(Id, CheckResult.Ok, $"what runs is stored in {directory}")];
    }
}
