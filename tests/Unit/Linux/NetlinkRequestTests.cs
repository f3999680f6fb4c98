// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;
using UdpTunnel.Linux;

namespace UdpTunnel.Tests.Linux;

/// <summary>
/// Requests byte by byte, as rtnetlink(7) lays them out and as <c>ip</c> sends them on a little-endian machine.
/// </summary>
public sealed class NetlinkRequestTests
{
    private const ushort RTM_NEWLINK = 16;
    private const ushort RTM_GETLINK = 18;
    private const ushort RTM_NEWADDR = 20;

    [Fact]
    public void A_look_for_a_device_by_its_name()
    {
        var request = new NetlinkRequest(new byte[256], RTM_GETLINK, flags: 1, sequence: 7);
        request.Append(default(LinkMessage));
        request.Attribute(3, "tun0");

        AssertBytes(
            "2c000000 1200 0100 07000000 00000000"
                + "00000000 00000000 00000000 00000000"
                + "0900 0300 74756e30 00 000000",
            request.Bytes
        );
    }

    [Fact]
    public void An_address_for_a_device()
    {
        var request = new NetlinkRequest(new byte[256], RTM_NEWADDR, flags: 0x605, sequence: 0x01020304);
        request.Append(
            new AddressMessage
            {
                Family = 2,
                PrefixLength = 24,
                Index = 5,
            }
        );
        request.Attribute(2, [10, 0, 0, 1]);
        request.Attribute(1, [10, 0, 0, 1]);

        AssertBytes(
            "28000000 1400 0506 04030201 00000000"
                + "02 18 00 00 05000000"
                + "0800 0200 0a000001"
                + "0800 0100 0a000001",
            request.Bytes
        );
    }

    [Fact]
    public void Attributes_within_attributes_and_numbers()
    {
        var request = new NetlinkRequest(new byte[256], RTM_NEWLINK, flags: 5, sequence: 1);
        request.Attribute(4, 1400u);
        var families = request.BeginNested(26);
        var ipv6 = request.BeginNested(10);
        request.Attribute(8, [1]);
        request.EndNested(ipv6);
        request.EndNested(families);

        AssertBytes(
            "28000000 1000 0500 01000000 00000000" + "0800 0400 78050000" + "1000 1a00  0c00 0a00  0500 0800 01 000000",
            request.Bytes
        );
    }

    [Fact]
    public void Nothing_of_what_was_in_the_buffer_before_is_sent()
    {
        byte[] used = [.. Enumerable.Repeat((byte)0xEE, 256)];
        var request = new NetlinkRequest(used, RTM_GETLINK, flags: 1, sequence: 1);
        request.Append(default(LinkMessage));
        request.Attribute(3, "t");

        Assert.False(request.Bytes.Contains((byte)0xEE));
    }

    private static void AssertBytes(string expected, ReadOnlySpan<byte> actual) =>
        Assert.Equal(expected.Replace(" ", "", StringComparison.Ordinal), System.Convert.ToHexStringLower(actual));

    [StructLayout(LayoutKind.Sequential, Size = 16)]
    private struct LinkMessage
    {
        public byte Family;
    }

    [StructLayout(LayoutKind.Sequential, Size = 8)]
    private struct AddressMessage
    {
        public byte Family;
        public byte PrefixLength;
        public byte Flags;
        public byte Scope;
        public uint Index;
    }
}
