// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace UdpTunnel.Linux;

/// <summary>
/// Lets one more group open a file whose mode is 0660, by an access control list (acl(5)): mode and owner stay what
/// they are, and others stay out.
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

    /// <summary>The largest value that an extended attribute has (XATTR_SIZE_MAX).</summary>
    private const int MaxList = 65536;

    /// <summary>
    /// Sets the list: owner, owner's group and one more group may read and write, or no more than these two.
    /// </summary>
    /// <param name="file">The file, as <see cref="PathHandle"/> has it.</param>
    /// <param name="path">Its path, for errors.</param>
    /// <param name="group">
    /// The other group; null: none, and a list that the directory has given to the file is removed.
    /// </param>
    /// <exception cref="LinuxException">
    /// The file system has no access control lists, or the file is another's.
    /// </exception>
    public static void Set(SafeFileHandle file, string path, uint? group)
    {
        if (group is not { } id)
        {
            _ = Libc.RemoveExtendedAttribute(PathHandle.PathOf(file), Attribute);
            return;
        }

        Entry[] entries =
        [
            new(Owner, ReadWrite, NoId),
            new(OwnersGroup, ReadWrite, NoId),
            new(Group, ReadWrite, id),
            new(Mask, ReadWrite, NoId),
            new(Others, Nothing, NoId),
        ];
        var list = new byte[sizeof(uint) + (entries.Length * sizeof(Entry))];
        var version = Version;
        MemoryMarshal.Write(list, in version);
        MemoryMarshal.AsBytes(entries.AsSpan()).CopyTo(list.AsSpan(sizeof(uint)));
        fixed (byte* start = list)
        {
            if (Libc.SetExtendedAttribute(PathHandle.PathOf(file), Attribute, start, list.Length, 0) < 0)
            {
                throw LinuxException.Last($"cannot let another group open {path}");
            }
        }
    }

    /// <summary>
    /// Whether a group has the right to read and write, by this list and not as the file's own group.
    /// </summary>
    public static bool Allows(string path, uint group)
    {
        var list = new byte[MaxList];
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
        bool masked = true,
            named = false;
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
