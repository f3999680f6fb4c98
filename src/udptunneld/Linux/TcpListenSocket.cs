// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Linux;

/// <summary>Accepts TCP connections; dual-stack where no address was asked for and the system has IPv6.</summary>
internal sealed unsafe class TcpListenSocket : IDisposable
{
    private const int Backlog = 128;

    private TcpListenSocket(int descriptor) => Descriptor = descriptor;

    /// <summary>Readable while a connection waits to be accepted.</summary>
    public int Descriptor { get; }

    /// <summary>Listens.</summary>
    /// <param name="address">Where; null for all addresses.</param>
    /// <param name="port">The port.</param>
    /// <exception cref="LinuxException">The address or port is taken, not there or not allowed.</exception>
    public static TcpListenSocket Listen(IPAddress? address, int port)
    {
        var descriptor = BoundSocket.Open(address, port, SOCK_STREAM, out _, reuseAddress: true);
        if (Libc.Listen(descriptor, Backlog) < 0)
        {
            var error = LinuxException.Last($"cannot listen on TCP port {port}");
            _ = Libc.Close(descriptor);
            throw error;
        }

        // A connection that its peer gave up meanwhile must not make the thread wait for the next one.
        var flags = Libc.FileControl(descriptor, F_GETFL, 0);
        _ = Libc.FileControl(descriptor, F_SETFL, flags | O_NONBLOCK);
        return new TcpListenSocket(descriptor);
    }

    /// <summary>Takes a connection that waits, without waiting for one.</summary>
    /// <returns>
    /// <see cref="Errno.None"/> and a connection, or none if none waits; or why the system refuses: it passes, but the
    /// caller must not spin while it lasts.
    /// </returns>
    public Errno TryAccept(out TcpSocket? connection)
    {
        connection = null;
        var remote = default(Endpoint);
        var length = Endpoint.MaxLength;
        var descriptor = Libc.Accept(Descriptor, &remote, &length, SOCK_CLOEXEC);
        if (descriptor < 0)
        {
            // A connection that its peer gave up meanwhile is none.
            return Libc.LastError is Errno.ConnectionAborted or Errno.Interrupted or Errno.Again
                ? Errno.None
                : Libc.LastError;
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
    public void Dispose() => _ = Libc.Close(Descriptor);
}
