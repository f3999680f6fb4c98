using System.Net;
using System.Runtime.InteropServices;
using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Linux;

/// <summary>
/// Devices and addresses by rtnetlink (RFC 3549, rtnetlink(7)), without the <c>ip</c> command. Each call opens a socket of its own: they
/// are rare, and so no call can take another's answer.
/// </summary>
internal static unsafe class RouteSocket
{
    private const int NETLINK_ROUTE = 0;
    private const ushort RTM_NEWLINK = 16;
    private const ushort RTM_GETLINK = 18;
    private const ushort RTM_NEWADDR = 20;

    private const ushort NLM_F_REQUEST = 0x001;
    private const ushort NLM_F_ACK = 0x004;
    private const ushort NLM_F_EXCL = 0x200;
    private const ushort NLM_F_CREATE = 0x400;

    private const ushort IFLA_IFNAME = 3;
    private const ushort IFLA_MTU = 4;
    private const ushort IFLA_AF_SPEC = 26;
    private const ushort IFLA_GSO_MAX_SIZE = 41;
    private const ushort IFLA_INET6_ADDR_GEN_MODE = 8;
    private const byte IN6_ADDR_GEN_MODE_NONE = 1;
    private const uint IFF_UP = 1;

    private const ushort IFA_ADDRESS = 1;
    private const ushort IFA_LOCAL = 2;

    private const uint Sequence = 1;
    private const int BufferSize = 16384;

    /// <summary>Looks a device up by its name in the current network namespace.</summary>
    /// <returns>Its index, or null if there is none.</returns>
    /// <exception cref="LinuxException">The kernel does not answer.</exception>
    public static int? FindLink(string name)
    {
        Span<byte> buffer = stackalloc byte[BufferSize];
        var request = new NetlinkRequest(buffer, RTM_GETLINK, NLM_F_REQUEST, Sequence);
        request.Append(default(LinkMessage));
        request.Attribute(IFLA_IFNAME, name);
        var error = Exchange(request.Bytes, buffer, out var answer);
        return error switch
        {
            Errno.None => NetlinkAnswer.FindLinkIndex(answer, Sequence),
            Errno.NoDevice => null,
            _ => throw new LinuxException($"cannot look for device {name}", error),
        };
    }

    /// <summary>Sets a device's MTU in bytes.</summary>
    public static void SetMtu(int index, int mtu) => SetLink(index, "MTU", (ref NetlinkRequest r) => r.Attribute(IFLA_MTU, (uint)mtu));

    /// <summary>Sets the largest superpacket, headers included, in bytes, that the kernel hands to a device.</summary>
    public static void SetMaxSuperpacket(int index, int bytes) =>
        SetLink(index, "gso_max_size", (ref NetlinkRequest r) => r.Attribute(IFLA_GSO_MAX_SIZE, (uint)bytes));

    /// <summary>Keeps the kernel from giving a device an IPv6 link-local address, whose router solicitations we would only drop.</summary>
    public static void DisableIpv6Address(int index) => SetLink(index, "addrgenmode", (ref NetlinkRequest r) =>
    {
        var families = r.BeginNested(IFLA_AF_SPEC);
        var ipv6 = r.BeginNested(AF_INET6);
        r.Attribute(IFLA_INET6_ADDR_GEN_MODE, [IN6_ADDR_GEN_MODE_NONE]);
        r.EndNested(ipv6);
        r.EndNested(families);
    });

    /// <summary>Sets a device up.</summary>
    public static void SetUp(int index) => SetLink(index, "state", null, IFF_UP);

    /// <summary>Gives a device an address; the kernel adds the route to its network.</summary>
    /// <exception cref="LinuxException">The kernel refuses.</exception>
    public static void AddAddress(int index, IPAddress address, int prefixLength)
    {
        Span<byte> buffer = stackalloc byte[BufferSize];
        var request = new NetlinkRequest(buffer, RTM_NEWADDR, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, Sequence);
        request.Append(new AddressMessage { Family = AF_INET, PrefixLength = (byte)prefixLength, Index = (uint)index });
        request.Attribute(IFA_LOCAL, address.GetAddressBytes());
        request.Attribute(IFA_ADDRESS, address.GetAddressBytes());
        var error = Exchange(request.Bytes, buffer, out _);
        if (error != Errno.None)
        {
            throw new LinuxException($"cannot give the device the address {address}/{prefixLength}", error);
        }
    }

    private delegate void AddAttributes(ref NetlinkRequest request);

    private static void SetLink(int index, string what, AddAttributes? attributes, uint flags = 0)
    {
        Span<byte> buffer = stackalloc byte[BufferSize];
        var request = new NetlinkRequest(buffer, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, Sequence);
        request.Append(new LinkMessage { Index = index, Flags = flags, Change = flags });
        attributes?.Invoke(ref request);
        var error = Exchange(request.Bytes, buffer, out _);
        if (error != Errno.None)
        {
            throw new LinuxException($"cannot set the device's {what}", error);
        }
    }

    /// <summary>Sends a request and waits for its answer, which lies in <paramref name="buffer"/>.</summary>
    private static Errno Exchange(ReadOnlySpan<byte> request, Span<byte> buffer, out ReadOnlySpan<byte> answer)
    {
        answer = default;
        var descriptor = Libc.Socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
        if (descriptor < 0)
        {
            return Libc.LastError;
        }

        try
        {
            fixed (byte* start = request)
            {
                if (Libc.Send(descriptor, start, request.Length, 0) < 0)
                {
                    return Libc.LastError;
                }
            }

            while (true)
            {
                nint length;
                fixed (byte* start = buffer)
                {
                    length = Libc.Receive(descriptor, start, buffer.Length, 0);
                }

                if (length < 0)
                {
                    if (Libc.LastError == Errno.Interrupted)
                    {
                        continue;
                    }

                    return Libc.LastError;
                }

                answer = buffer[..(int)length];
                if (NetlinkAnswer.FindAcknowledgement(answer, Sequence) is { } error)
                {
                    return error;
                }

                if (NetlinkAnswer.FindLinkIndex(answer, Sequence) is not null)
                {
                    return Errno.None;
                }
            }
        }
        finally
        {
            _ = Libc.Close(descriptor);
        }
    }

    /// <summary><c>struct ifinfomsg</c>.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 16)]
    private struct LinkMessage
    {
        public byte Family;
        public ushort Type;
        public int Index;
        public uint Flags;
        public uint Change;
    }

    /// <summary><c>struct ifaddrmsg</c>.</summary>
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
