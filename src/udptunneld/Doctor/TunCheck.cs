// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Linux;
using UdpTunnel.Memory;
using UdpTunnel.Packets;

namespace UdpTunnel.Doctor;

/// <summary>
/// Makes a TUN device for a moment, without an address, and writes a superpacket of each kind to it. The superpackets
/// have a wrong IP checksum and the loopback for address, so that the kernel looks at how they are to be cut and then
/// drops them, whatever it routes.
/// </summary>
internal sealed unsafe class TunCheck : ICheck
{
    private const string Device = "/dev/net/tun";

    // As the kernel's own: who manages devices, and tools that match their names, knows what to do with it.
    private const string TestName = "tun%d";

    private const int IpHeader = 20;
    private const int TcpHeader = 20;
    private const int UdpHeader = 8;
    private const int SegmentSize = 1000;
    private const int Segments = 3;

    /// <inheritdoc/>
    public string Id => "tun_device";

    /// <inheritdoc/>
    public IEnumerable<Finding> Run(Patient patient)
    {
        try
        {
            using var tun = TunDevice.Open(TestName, offload: true);
            return [new Finding(Id, CheckResult.Ok, $"{Device} makes devices"), .. Offloads(tun)];
        }
        catch (LinuxException e)
        {
            return [new Finding(Id, CheckResult.Failure, e.Message, Remedy(e.Errno))];
        }
    }

    private static string Remedy(Errno errno) =>
        errno switch
        {
            Errno.NoEntry or Errno.NoDevice => "sudo modprobe tun",
            Errno.NotPermitted or Errno.AccessDenied =>
                "sudo systemctl edit udptunneld  # AmbientCapabilities=CAP_NET_ADMIN, DeviceAllow=/dev/net/tun rw",
            _ => "",
        };

    private static List<Finding> Offloads(TunDevice tun)
    {
        RouteSocket.DisableIpv6Address(tun.Index);
        RouteSocket.SetUp(tun.Index);
        return
        [
            Offload(tun, TunOffloads.Tcp, "tun_tcp", "TCP", VirtioNetHeader.TcpV4, 6, TcpHeader, checksumOffset: 16),
            Offload(tun, TunOffloads.Udp, "tun_udp", "UDP", VirtioNetHeader.UdpL4, 17, UdpHeader, checksumOffset: 6),
        ];
    }

    private static Finding Offload(
        TunDevice tun,
        TunOffloads kind,
        string id,
        string protocol,
        byte type,
        byte number,
        int header,
        ushort checksumOffset
    )
    {
        const string Remedy = "none needed; a newer kernel is faster";
        if (!tun.Offloads.HasFlag(kind))
        {
            return new Finding(
                $"offload_{id}",
                CheckResult.Warning,
                $"the kernel does not hand {protocol} superpackets over",
                Remedy
            );
        }

        var length = IpHeader + header + (SegmentSize * Segments);
        var buffer = stackalloc byte[VirtioNetHeader.Size + length];
        new Span<byte>(buffer, VirtioNetHeader.Size + length).Clear();
        *(VirtioNetHeader*)buffer = new VirtioNetHeader
        {
            Flags = VirtioNetHeader.NeedsChecksum,
            GsoType = type,
            HeaderLength = (ushort)(IpHeader + header),
            GsoSize = SegmentSize,
            ChecksumStart = IpHeader,
            ChecksumOffset = checksumOffset,
        };
        FillHeaders(new Span<byte>(buffer + VirtioNetHeader.Size, length), number, header);
        var slice = new Slice(buffer, VirtioNetHeader.Size + length);
        return tun.Write(&slice, 1) == WriteStatus.Written
            ? new Finding($"offload_{id}", CheckResult.Ok, $"the kernel takes and hands over {protocol} superpackets")
            : new Finding(
                $"offload_{id}",
                CheckResult.Warning,
                $"the kernel hands {protocol} superpackets over and does not take them back",
                Remedy
            );
    }

    /// <summary>
    /// IPv4 from and to 127.0.0.1 with a checksum of 0, which is wrong, and the little of a transport header that is
    /// looked at.
    /// </summary>
    private static void FillHeaders(Span<byte> packet, byte protocol, int header)
    {
        packet[0] = 0x45;
        packet[2] = (byte)(packet.Length >> 8);
        packet[3] = (byte)packet.Length;
        packet[8] = 1;
        packet[9] = protocol;
        packet[12] = packet[16] = 127;
        packet[15] = packet[19] = 1;
        var transport = packet[IpHeader..];
        if (header == TcpHeader)
        {
            const byte FiveWords = 5 << 4;
            const byte Ack = 0x10;
            transport[12] = FiveWords;
            transport[13] = Ack;
        }
        else
        {
            transport[4] = (byte)(transport.Length >> 8);
            transport[5] = (byte)transport.Length;
        }
    }
}
