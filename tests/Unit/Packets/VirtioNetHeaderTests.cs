// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Packets;

namespace UdpTunnel.Tests.Packets;

public sealed unsafe class VirtioNetHeaderTests
{
    [Fact]
    public void It_is_ten_bytes_in_host_order_as_in_the_kernel_s_struct()
    {
        Assert.Equal(VirtioNetHeader.Size, sizeof(VirtioNetHeader));
        var header = new VirtioNetHeader
        {
            Flags = 1,
            GsoType = 0x81,
            HeaderLength = 0x0102,
            GsoSize = 0x0304,
            ChecksumStart = 0x0506,
            ChecksumOffset = 0x0708,
        };
        byte[] bytes = new byte[12];
        fixed (byte* start = bytes)
        {
            header.Write(start + 1);
            Assert.Equal(header, VirtioNetHeader.Read(start + 1));
        }

        byte[] expected =
        [
            0,
            1,
            0x81,
            .. BitConverter.GetBytes((ushort)0x0102),
            .. BitConverter.GetBytes((ushort)0x0304),
            .. BitConverter.GetBytes((ushort)0x0506),
            .. BitConverter.GetBytes((ushort)0x0708),
            0,
        ];
        Assert.Equal(expected, bytes);
    }
}
