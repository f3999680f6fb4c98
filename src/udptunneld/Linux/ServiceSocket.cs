using System.Net;
using System.Net.Sockets;
using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Linux;

/// <summary>
/// The UDP socket of one flow at the sender: connected, so that only the service's answers arrive and its ICMP errors belong to this flow. The
/// kernel's default buffers bound what it may hold.
/// </summary>
internal static unsafe class ServiceSocket
{
    /// <summary>Opens a socket.</summary>
    /// <param name="service">Where the service is.</param>
    /// <param name="descriptor">The socket, if there is no error.</param>
    /// <returns>The error, or <see cref="Errno.None"/>.</returns>
    public static Errno TryOpen(IPEndPoint service, out int descriptor)
    {
        var address = Endpoint.From(service, dualStack: false);
        var family = service.AddressFamily == AddressFamily.InterNetwork ? AF_INET : AF_INET6;
        descriptor = Libc.Socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (descriptor < 0)
        {
            return Libc.LastError;
        }

        var isReserved = DescriptorLimit.IsReserved(descriptor);
        if (isReserved || Libc.Connect(descriptor, &address, address.Length) < 0)
        {
            var error = isReserved ? Errno.TooManyFiles : Libc.LastError;
            _ = Libc.Close(descriptor);
            return error;
        }

        var on = 1;
        _ = Libc.SetSocketOption(descriptor, IPPROTO_UDP, UDP_GRO, &on, sizeof(int));
        return Errno.None;
    }

    /// <summary>Answers that the kernel dropped because the buffer was full.</summary>
    public static uint BufferDrops(int descriptor) => BoundSocket.BufferDrops(descriptor);

    /// <summary>Closes a socket.</summary>
    public static void Close(int descriptor) => _ = Libc.Close(descriptor);
}
