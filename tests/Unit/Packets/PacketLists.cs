// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Packets;

/// <summary>Compares packets in bulk; xunit's own comparison boxes every byte.</summary>
internal static class PacketLists
{
    public static void AssertSame(IReadOnlyList<byte[]> expected, IReadOnlyList<byte[]> actual)
    {
        for (int i = 0; i < Math.Min(expected.Count, actual.Count); i++)
        {
            if (!expected[i].AsSpan().SequenceEqual(actual[i]))
            {
                Assert.Fail(
                    $"""
                    Packet {i} of {expected.Count} differs at byte {expected[i].AsSpan().CommonPrefixLength(actual[i])}:
                      expected {Convert.ToHexString(expected[i])}
                      actual   {Convert.ToHexString(actual[i])}
                    """
                );
            }
        }

        Assert.Equal(expected.Count, actual.Count);
    }
}
