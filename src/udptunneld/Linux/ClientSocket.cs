using System.Net;
using System.Net.Sockets;
using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Linux;

/// <summary>The UDP socket to which a receiver's clients send, and from which they get their answers.</summary>
internal sealed unsafe class ClientSocket : IDisposable
{
    // Room for the bursts of many clients while the one receiving thread is not scheduled.
    private const int ReceiveBufferSize = 8 * 1024 * 1024;

    // Sending never waits: what finds no room is lost. More would be seconds of a slow link.
    private const int SendBufferSize = 2 * 1024 * 1024;

    private ClientSocket(int descriptor, bool isV6)
    {
        Descriptor = descriptor;
        IsV6 = isV6;
    }

    /// <summary>For receiving, sending and waiting.</summary>
    public int Descriptor { get; }

    /// <summary>Whether it is of IPv6, or of both: IPv4 addresses have their mapped form then.</summary>
    public bool IsV6 { get; }

    /// <summary>Datagrams that the kernel dropped because the buffer was full.</summary>
    public uint BufferDrops => BoundSocket.BufferDrops(Descriptor);

    /// <summary>Opens the socket.</summary>
    /// <param name="address">Where; null for all addresses.</param>
    /// <param name="port">The port.</param>
    /// <exception cref="LinuxException">The address or port is taken, not there or not allowed.</exception>
    public static ClientSocket Bind(IPAddress? address, int port)
    {
        var descriptor = BoundSocket.Open(address, port, SOCK_DGRAM, out var dualStack, reuseAddress: false);
        BoundSocket.SetBuffers(descriptor, ReceiveBufferSize, SendBufferSize);

        // Trains of a client arrive as one message; where the kernel knows no GRO (before Linux 5.0) they come one by one.
        var on = 1;
        var never = IP_PMTUDISC_DONT;
        _ = Libc.SetSocketOption(descriptor, IPPROTO_UDP, UDP_GRO, &on, sizeof(int));

        // A path to a client that is smaller than it was said must not swallow every large answer.
        _ = Libc.SetSocketOption(descriptor, IPPROTO_IP, IP_MTU_DISCOVER, &never, sizeof(int));
        var isV6 = dualStack || address?.AddressFamily == AddressFamily.InterNetworkV6;
        if (address is null || address.Equals(IPAddress.Any))
        {
            // A host may have several addresses, and an answer has to come from the one that was asked.
            _ = isV6
                ? Libc.SetSocketOption(descriptor, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(int))
                : Libc.SetSocketOption(descriptor, IPPROTO_IP, IP_PKTINFO, &on, sizeof(int));
        }

        return new ClientSocket(descriptor, isV6);
    }

    /// <summary>Takes what is there, without waiting.</summary>
    /// <returns>False if nothing is there.</returns>
    public bool TryReceive(ReceiveBatch batch) => batch.TryReceive(Descriptor) == Errno.None;

    /// <inheritdoc/>
    public void Dispose() => _ = Libc.Close(Descriptor);
}
