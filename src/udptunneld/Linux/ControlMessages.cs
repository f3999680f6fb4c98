// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;

namespace UdpTunnel.Linux;

/// <summary>
/// What the kernel says beside a message (cmsg(3)), one piece behind the other: length u64, level i32, type i32, then
/// the data, padded to 8 bytes.
/// </summary>
internal static unsafe class ControlMessages
{
    private const int DataOffset = 16;
    private const int Alignment = 8;

    /// <summary>Finds a piece.</summary>
    /// <param name="control">The first piece.</param>
    /// <param name="size">Bytes of all.</param>
    /// <param name="level">Its level.</param>
    /// <param name="type">Its type.</param>
    /// <param name="leastLength">Least length of its data.</param>
    /// <returns>The data, or null.</returns>
    public static byte* Find(byte* control, nint size, int level, int type, int leastLength)
    {
        var end = control + size;
        while (control + DataOffset + leastLength <= end)
        {
            var length = Unsafe.ReadUnaligned<nint>(control);
            if (
                length >= DataOffset + leastLength
                && Unsafe.ReadUnaligned<int>(control + 8) == level
                && Unsafe.ReadUnaligned<int>(control + 12) == type
            )
            {
                return control + DataOffset;
            }

            control += Math.Max(DataOffset, (length + Alignment - 1) & ~(Alignment - 1));
        }

        return null;
    }
}
