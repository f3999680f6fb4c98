namespace UdpTunnel.Linux;

/// <summary>Looks up groups as the system's name service has them, which need not be /etc/group.</summary>
internal static unsafe class UnixGroups
{
    private const int BufferSize = 65536;

    /// <summary>Finds a group.</summary>
    /// <returns>The group, or null if there is none of that name.</returns>
    public static UnixGroup? Find(string name)
    {
        Libc.GroupEntry entry;
        Libc.GroupEntry* found;
        var buffer = new byte[BufferSize];
        fixed (byte* start = buffer)
        {
            return Libc.GetGroupByName(name, &entry, start, BufferSize, &found) == 0 && found is not null
                ? new UnixGroup(name, entry.Id)
                : null;
        }
    }
}
