// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Linux;

/// <summary>The UDP socket to which a receiver's clients send, and from which they get their answers.</summary>
internal sealed unsafe class ClientSocket : IDisposable
{
    // Room for the bursts of many clients while the one receiving thread is not scheduled.
    private const int ReceiveBufferSize = 8 * 1024 * 1024;

    // Sending never waits: what finds no room is lost. More would be seconds of a slow link.
    private const int SendBufferSize = 2 * 1024 * 1024;

    private static uint _last;
    private int _isClosed;

    private ClientSocket(int descriptor, bool isV6, IPAddress? address, int port)
    {
        Descriptor = descriptor;
        IsV6 = isV6;
        Address = address;
        Port = port;
        Number = Interlocked.Increment(ref _last);
    }

    /// <summary>Tells it apart from all others of the daemon.</summary>
    public uint Number { get; }

    /// <summary>Where it is; null for all addresses.</summary>
    public IPAddress? Address { get; }

    /// <summary>The port.</summary>
    public int Port { get; }

    /// <summary>For receiving, sending and waiting.</summary>
    public int Descriptor { get; }

    /// <summary>Whether it is of IPv6, or of both: IPv4 addresses have their mapped form then.</summary>
    public bool IsV6 { get; }

    /// <summary>Datagrams that the kernel dropped because the buffer was full.</summary>
    public uint BufferDrops => BoundSocket.BufferDrops(Descriptor);

    /// <summary>The address of this host that a datagram came to.</summary>
    /// <param name="local">What the kernel says of it.</param>
    /// <returns>16 bytes, the highest first, IPv4 in its mapped form; 0 if it is not known.</returns>
    public UInt128 AddressOf(SourceAddress local)
    {
        Span<byte> bytes = stackalloc byte[16];
        if (!local.IsNone)
        {
            MemoryMarshal.Write(bytes, local.First);
            MemoryMarshal.Write(bytes[sizeof(ulong)..], local.Second);
        }
        else if (Address is null || !Address.MapToIPv6().TryWriteBytes(bytes, out _))
        {
            return 0;
        }

        return BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }

    /// <summary>Opens the socket.</summary>
    /// <param name="address">Where; null for all addresses.</param>
    /// <param name="port">The port.</param>
    /// <exception cref="LinuxException">The address or port is taken, not there or not allowed.</exception>
    public static ClientSocket Bind(IPAddress? address, int port)
    {
        var descriptor = BoundSocket.Open(address, port, SOCK_DGRAM, out var dualStack, reuseAddress: false);
        BoundSocket.SetBuffers(descriptor, ReceiveBufferSize, SendBufferSize);

        // Trains of a client arrive as one message; where the kernel knows no GRO (before Linux 5.0) they come one by
        // one.
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

        return new ClientSocket(descriptor, isV6, address, port);
    }

    /// <summary>Takes what is there, without waiting.</summary>
    /// <returns>False if nothing is there.</returns>
    public bool TryReceive(ReceiveBatch batch) => batch.TryReceive(Descriptor) == Errno.None;

    /// <inheritdoc/>
    public void Dispose()
    {
        // Once: the number may be another's by then.
        if (Interlocked.Exchange(ref _isClosed, 1) == 0)
        {
            _ = Libc.Close(Descriptor);
        }
    }
}
