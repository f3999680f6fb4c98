// SPDX-License-Identifier: BSD-3-Clause

using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace UdpTunnel.Linux;

/// <summary>Names of users as the system's name service has them, remembered for a while.</summary>
internal static unsafe class UnixUsers
{
    /// <summary>More users than a host has who call; when they are reached, all are asked for again.</summary>
    public const int MostRemembered = 256;

    private const int BufferSize = 65536;

    private static readonly TimeSpan Validity = TimeSpan.FromMinutes(5);

    private static readonly ConcurrentDictionary<uint, (string Name, long At)> Remembered = new();

    /// <summary>A user's name, or empty if the system knows none.</summary>
    public static string NameOf(uint id)
    {
        if (Remembered.TryGetValue(id, out var known) && TimeProvider.System.GetElapsedTime(known.At) < Validity)
        {
            return known.Name;
        }

        var name = Find(id);
        if (Remembered.Count >= MostRemembered)
        {
            Remembered.Clear();
        }

        Remembered[id] = (name, TimeProvider.System.GetTimestamp());
        return name;
    }

    private static string Find(uint id)
    {
        Libc.UserEntry entry;
        Libc.UserEntry* found;
        var buffer = new byte[BufferSize];
        fixed (byte* start = buffer)
        {
            return Libc.GetUserById(id, &entry, start, BufferSize, &found) == 0 && found is not null
                ? Marshal.PtrToStringUTF8((nint)entry.Name) ?? ""
                : "";
        }
    }
}
