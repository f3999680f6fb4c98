using System.Net;
using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Linux;

/// <summary>The UDP socket to which a receiver's clients send, and from which they get their answers.</summary>
internal sealed unsafe class ClientSocket : IDisposable
{
    // Room for the bursts of many clients while the one receiving thread is not scheduled.
    private const int BufferSize = 8 * 1024 * 1024;

    // SK_MEMINFO_DROPS of SO_MEMINFO (include/uapi/linux/sock_diag.h), an array of u32.
    private const int MemoryInfoCount = 9;
    private const int MemoryInfoDrops = 8;

    private ClientSocket(int descriptor, bool dualStack)
    {
        Descriptor = descriptor;
        DualStack = dualStack;
    }

    /// <summary>For receiving, sending and waiting.</summary>
    public int Descriptor { get; }

    /// <summary>Whether IPv4 clients have addresses of the mapped form.</summary>
    public bool DualStack { get; }

    /// <summary>Datagrams that the kernel dropped because the buffer was full. Asking costs a system call, but nothing per datagram.</summary>
    public uint BufferDrops
    {
        get
        {
            var info = stackalloc uint[MemoryInfoCount];
            var length = MemoryInfoCount * sizeof(uint);
            return Libc.GetSocketOption(Descriptor, SOL_SOCKET, SO_MEMINFO, info, &length) == 0 && length == MemoryInfoCount * sizeof(uint)
                ? info[MemoryInfoDrops]
                : 0;
        }
    }

    /// <summary>Opens the socket.</summary>
    /// <param name="address">Where; null for all addresses.</param>
    /// <param name="port">The port.</param>
    /// <exception cref="LinuxException">The address or port is taken, not there or not allowed.</exception>
    public static ClientSocket Bind(IPAddress? address, int port)
    {
        var descriptor = BoundSocket.Open(address, port, SOCK_DGRAM, out var dualStack, reuseAddress: false);
        BoundSocket.SetBuffers(descriptor, BufferSize);

        // Trains of a client arrive as one message; where the kernel knows no GRO (before Linux 5.0) they come one by one.
        var on = 1;
        _ = Libc.SetSocketOption(descriptor, IPPROTO_UDP, UDP_GRO, &on, sizeof(int));
        return new ClientSocket(descriptor, dualStack);
    }

    /// <summary>Takes what is there, without waiting.</summary>
    /// <returns>False if nothing is there.</returns>
    public bool TryReceive(ReceiveBatch batch) => batch.TryReceive(Descriptor) == Errno.None;

    /// <inheritdoc/>
    public void Dispose() => _ = Libc.Close(Descriptor);
}
