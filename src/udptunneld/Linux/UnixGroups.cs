// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Linux;

/// <summary>
/// Looks up groups as the system's name service has them, which need not be /etc/group. A user namespace
/// (user_namespaces(7)) may not know such a group: nobody in it is a member, and no file can be given to the group.
/// </summary>
internal static unsafe class UnixGroups
{
    private const int BufferSize = 65536;
    private const string GroupMap = "/proc/self/gid_map";

    /// <summary>Finds a group.</summary>
    /// <returns>The group, or null if there is none of that name in this user namespace.</returns>
    public static UnixGroup? Find(string name)
    {
        Libc.GroupEntry entry;
        Libc.GroupEntry* found;
        var buffer = new byte[BufferSize];
        fixed (byte* start = buffer)
        {
            return
                Libc.GetGroupByName(name, &entry, start, BufferSize, &found) == 0
                && found is not null
                && IsMapped(entry.Id, File.Exists(GroupMap) ? File.ReadAllText(GroupMap) : "")
                ? new UnixGroup(name, entry.Id)
                : null;
        }
    }

    /// <summary>Whether a user namespace has a number.</summary>
    /// <param name="id">The number as it is inside.</param>
    /// <param name="map">
    /// Its /proc/PID/gid_map: lines of the first number inside, the first outside, and how many;
    /// empty if there is none.
    /// </param>
    internal static bool IsMapped(uint id, string map)
    {
        var lines = map.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return lines.Length == 0
            || lines.Any(line =>
                Words(line) is [var inside, _, var count]
                && uint.TryParse(inside, out var first)
                && uint.TryParse(count, out var length)
                && id >= first
                && id - first < length
            );

        static string[] Words(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
    }
}

/// <summary>A group of the system.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Id">Its number.</param>
internal sealed record UnixGroup(string Name, uint Id);
