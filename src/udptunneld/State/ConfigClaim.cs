// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using Microsoft.Win32.SafeHandles;
using UdpTunnel.Linux;

namespace UdpTunnel.State;

/// <summary>
/// Keeps two daemons from starting the files of one directory: the first one that reads it locks it. Whoever may read a
/// directory can lock it as well, so that only a lock of root's or of this user's counts.
/// </summary>
internal sealed class ConfigClaim : IDisposable
{
    private const string Locks = "/proc/locks";

    private SafeFileHandle? _lock;

    /// <summary>Claims the files, unless that was done.</summary>
    /// <param name="directory">The configuration directory.</param>
    /// <exception cref="IOException">They are another daemon's.</exception>
    public void Take(string directory)
    {
        var files = PathOf(directory);
        if (_lock is not null || !Directory.Exists(files))
        {
            return;
        }

        SafeFileHandle handle;
        try
        {
            handle = DirectoryHandle.Open(files);
        }
        catch (LinuxException)
        {
            // Who reads the files reports that they cannot be read.
            return;
        }

        if (DirectoryHandle.TryLock(handle))
        {
            _lock = handle;
            return;
        }

        handle.Dispose();
        if (HolderOf(directory) is { } holder)
        {
            throw new IOException(
                $"the files in {files} are those of another udptunneld (process {holder}), and none of them is started here: "
                    + "give this one a --config-dir of its own"
            );
        }
    }

    /// <summary>The process of another daemon that has claimed the files; null if none has.</summary>
    public static int? HolderOf(string directory)
    {
        try
        {
            var number = FileStatus.NumberOf(PathOf(directory)).ToString(CultureInfo.InvariantCulture);
            return File.ReadLines(Locks)
                .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                .Where(words =>
                    words is [_, "FLOCK", _, _, _, var file, ..]
                    && file.EndsWith($":{number}", StringComparison.Ordinal)
                )
                .Select(words => int.TryParse(words[4], CultureInfo.InvariantCulture, out var process) ? process : 0)
                .Where(process => process > 0 && process != Environment.ProcessId && IsTrusted(process))
                .Select(process => (int?)process)
                .FirstOrDefault();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _lock?.Dispose();

    private static string PathOf(string directory) => Path.Combine(directory, "tunnels.d");

    private static bool IsTrusted(int process)
    {
        var user = FileStatus.Of($"/proc/{process}").User;
        return user == 0 || user == FileStatus.Of("/proc/self").User;
    }
}
