using System.Globalization;

namespace UdpTunnel.Tests.Harness;

/// <summary>What a process holds of the system.</summary>
internal sealed record ProcessUsage(int Descriptors, int Threads, int ResidentKilobytes)
{
    /// <summary>Looks at a process.</summary>
    public static ProcessUsage Of(int id)
    {
        var directory = $"/proc/{id.ToString(CultureInfo.InvariantCulture)}";
        var resident = File.ReadLines($"{directory}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        return new ProcessUsage(
            Directory.EnumerateFileSystemEntries($"{directory}/fd").Count(),
            Directory.EnumerateDirectories($"{directory}/task").Count(),
            int.Parse(resident.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture));
    }
}
