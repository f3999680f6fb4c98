// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;

namespace UdpTunnel.Tests.Harness;

/// <summary>What a process holds of the system.</summary>
/// <param name="Descriptors">Open ones.</param>
/// <param name="Threads">Whatever they do.</param>
/// <param name="ResidentKilobytes">Memory, with what it shares with others that run the same programs.</param>
/// <param name="OwnKilobytes">Memory without the pages of files, which the kernel takes and gives as it likes.</param>
internal sealed record ProcessUsage(int Descriptors, int Threads, int ResidentKilobytes, int OwnKilobytes)
{
    /// <summary>Looks at a process.</summary>
    public static ProcessUsage Of(int id)
    {
        var directory = $"/proc/{id.ToString(CultureInfo.InvariantCulture)}";
        var status = File.ReadAllLines($"{directory}/status");
        var resident = Kilobytes("VmRSS:");
        return new ProcessUsage(
            Directory.EnumerateFileSystemEntries($"{directory}/fd").Count(),
            Directory.EnumerateDirectories($"{directory}/task").Count(),
            resident,
            resident - Kilobytes("RssFile:")
        );

        int Kilobytes(string field) =>
            int.Parse(
                status
                    .First(line => line.StartsWith(field, StringComparison.Ordinal))
                    .Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
                CultureInfo.InvariantCulture
            );
    }
}
