using System.Net;
using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Linux;

/// <summary>Accepts TCP connections; dual-stack where no address was asked for and the system has IPv6.</summary>
internal sealed unsafe class TcpListenSocket : IDisposable
{
    private const int Backlog = 128;

    private readonly int _descriptor;
    private readonly WakeSignal _stop;

    private TcpListenSocket(int descriptor, WakeSignal stop)
    {
        _descriptor = descriptor;
        _stop = stop;
    }

    /// <summary>Listens.</summary>
    /// <param name="address">Where; null for all addresses.</param>
    /// <param name="port">The port.</param>
    /// <param name="stop">Ends a wait when raised.</param>
    /// <exception cref="LinuxException">The address or port is taken, not there or not allowed.</exception>
    public static TcpListenSocket Listen(IPAddress? address, int port, WakeSignal stop)
    {
        var descriptor = BoundSocket.Open(address, port, SOCK_STREAM, out _, reuseAddress: true);
        if (Libc.Listen(descriptor, Backlog) < 0)
        {
            var error = LinuxException.Last($"cannot listen on TCP port {port}");
            _ = Libc.Close(descriptor);
            throw error;
        }

        return new TcpListenSocket(descriptor, stop);
    }

    /// <summary>Waits for a connection.</summary>
    /// <returns>
    /// <see cref="Errno.None"/> and a connection, or none if the wait was ended; or why the system refuses: it passes, but the caller must not
    /// spin while it lasts.
    /// </returns>
    public Errno Accept(out TcpSocket? connection)
    {
        connection = null;
        var entries = stackalloc Libc.PollEntry[2];
        entries[0] = new Libc.PollEntry { Descriptor = _descriptor, Wanted = POLLIN };
        entries[1] = new Libc.PollEntry { Descriptor = _stop.Descriptor, Wanted = POLLIN };
        if (Libc.Poll(entries, 2, -1) <= 0 || entries[0].Ready == 0)
        {
            return Errno.None;
        }

        var remote = default(Endpoint);
        var length = Endpoint.MaxLength;
        var descriptor = Libc.Accept(_descriptor, &remote, &length, SOCK_CLOEXEC);
        if (descriptor < 0)
        {
            // A connection that its peer gave up meanwhile is none.
            return Libc.LastError is Errno.ConnectionAborted or Errno.Interrupted or Errno.Again ? Errno.None : Libc.LastError;
        }

        if (DescriptorLimit.IsReserved(descriptor))
        {
            _ = Libc.Close(descriptor);
            return Errno.TooManyFiles;
        }

        connection = new TcpSocket(descriptor, remote.ToIPEndPoint());
        return Errno.None;
    }

    /// <inheritdoc/>
    public void Dispose() => _ = Libc.Close(_descriptor);
}
