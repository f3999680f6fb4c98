// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;

namespace UdpTunnel.Tests.Harness.Traffic;

/// <summary>RFC 1071.</summary>
internal static class InternetChecksum
{
    /// <summary>The checksum of bytes whose own checksum field is 0.</summary>
    public static ushort Of(ReadOnlySpan<byte> bytes)
    {
        var sum = 0L;
        for (var i = 0; i + 1 < bytes.Length; i += 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes[i..]);
        }

        if (bytes.Length % 2 == 1)
        {
            sum += bytes[^1] << 8;
        }

        while (sum > 0xFFFF)
        {
            sum = (sum & 0xFFFF) + (sum >> 16);
        }

        return (ushort)~sum;
    }
}
