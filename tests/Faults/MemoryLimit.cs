// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Faults;

/// <summary>
/// A control group whose processes may use no more than some memory; version 2 of the interface, or 1 where that is
/// what there is.
/// </summary>
internal sealed class MemoryLimit : IDisposable
{
    private readonly string _directory;

    /// <summary>Makes one.</summary>
    /// <param name="bytes">What its processes may use; where no more can be reclaimed, one is killed.</param>
    public MemoryLimit(long bytes)
    {
        var isVersion2 = File.Exists("/sys/fs/cgroup/cgroup.controllers");
        var root = isVersion2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
        _directory = Path.Combine(root, $"udptunnel-{Guid.NewGuid():n}");
        var limit = isVersion2 ? "memory.max" : "memory.limit_in_bytes";
        if (!Directory.Exists(root) || !TryMake(limit))
        {
            Assert.Skip("needs a control group with a memory controller");
        }

        AtExit.Add(this, Remove);
        File.WriteAllText(Path.Combine(_directory, limit), bytes.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>Puts a process into the group; what it uses already is not counted there.</summary>
    public void Add(int process) =>
        File.WriteAllText(Path.Combine(_directory, "cgroup.procs"), process.ToString(CultureInfo.InvariantCulture));

    /// <inheritdoc/>
    public void Dispose() => AtExit.Undo(this);

    private bool TryMake(string limit)
    {
        Directory.CreateDirectory(_directory);
        if (File.Exists(Path.Combine(_directory, limit)))
        {
            return true;
        }

        Remove();
        return false;
    }

    private void Remove()
    {
        // The kernel takes a moment to leave the group of what has ended.
        const int Tries = 100;
        for (var i = 0; ; i++)
        {
            try
            {
                Directory.Delete(_directory);
                return;
            }
            catch (IOException) when (i < Tries)
            {
                Thread.Sleep(20);
            }
        }
    }
}
