using System.Runtime.InteropServices;

namespace UdpTunnel.Linux;

/// <summary>
/// Lets one more group open a file whose mode is 0660, by an access control list (acl(5)): mode and owner stay what they are, and others stay out.
/// </summary>
internal static unsafe class SocketAcl
{
    private const string Attribute = "system.posix_acl_access";

    // include/uapi/linux/posix_acl_xattr.h and posix_acl.h: a version, then the entries in this order.
    private const uint Version = 2;
    private const ushort Owner = 0x01;
    private const ushort OwnersGroup = 0x04;
    private const ushort Group = 0x08;
    private const ushort Mask = 0x10;
    private const ushort Others = 0x20;
    private const ushort ReadWrite = 6;
    private const ushort Nothing = 0;
    private const uint NoId = uint.MaxValue;

    // XATTR_SIZE_MAX (limits.h): no list is longer.
    private const int LongestList = 65536;

    /// <summary>Gives a group the right to read and write.</summary>
    /// <exception cref="LinuxException">The file system has no access control lists, or the file is another's.</exception>
    public static void Allow(string path, uint group)
    {
        Entry[] entries =
        [
            new(Owner, ReadWrite, NoId),
            new(OwnersGroup, ReadWrite, NoId),
            new(Group, ReadWrite, group),
            new(Mask, ReadWrite, NoId),
            new(Others, Nothing, NoId),
        ];
        var list = new byte[sizeof(uint) + (entries.Length * sizeof(Entry))];
        var version = Version;
        MemoryMarshal.Write(list, in version);
        MemoryMarshal.AsBytes(entries.AsSpan()).CopyTo(list.AsSpan(sizeof(uint)));
        fixed (byte* start = list)
        {
            if (Libc.SetExtendedAttribute(path, Attribute, start, list.Length, 0) < 0)
            {
                throw LinuxException.Last($"cannot let another group open {path}");
            }
        }
    }

    /// <summary>Whether a group has the right to read and write, by this list and not as the file's own group.</summary>
    public static bool Allows(string path, uint group)
    {
        var list = new byte[LongestList];
        nint length;
        fixed (byte* start = list)
        {
            length = Libc.GetExtendedAttribute(path, Attribute, start, list.Length);
        }

        if (length < sizeof(uint))
        {
            return false;
        }

        var entries = MemoryMarshal.Cast<byte, Entry>(list.AsSpan(sizeof(uint)..(int)length));
        bool masked = true, named = false;
        foreach (var entry in entries)
        {
            var readWrite = (entry.Permission & ReadWrite) == ReadWrite;
            masked &= entry.Tag != Mask || readWrite;
            named |= entry.Tag == Group && entry.Id == group && readWrite;
        }

        return masked && named;
    }

    /// <summary><c>struct posix_acl_xattr_entry</c>, little-endian as the machines that this runs on.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Entry(ushort Tag, ushort Permission, uint Id);
}
