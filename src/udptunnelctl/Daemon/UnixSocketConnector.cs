using System.Net.Sockets;
using Grpc.Net.Client;
using UdpTunnel.Cli.Failures;

namespace UdpTunnel.Cli.Daemon;

/// <summary>
/// gRPC over a Unix domain socket. The socket is connected before the HTTP client exists: the errors of connect(2) then
/// come as they are, not wrapped into a failed call, and a missing daemon is reported without starting any of it.
/// </summary>
/// <param name="service">What to advise if nobody answers.</param>
internal sealed class UnixSocketConnector(ServiceManager service) : IDaemonConnector
{
    /// <summary>
    /// A daemon that hangs leaves its socket open: a stream would wait for ever. So it is asked now and then while a
    /// call is open (PING, RFC 9113, section 6.7), which its HTTP server answers however busy the daemon is.
    /// </summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>sun_path of sockaddr_un less the final zero (unix(7)), in bytes.</summary>
    private const int LongestPath = 107;

    /// <inheritdoc/>
    public async Task<DaemonConnection> ConnectAsync(string path, CancellationToken cancellation)
    {
        if (
            path.Length == 0
            || path.Contains('\0', StringComparison.Ordinal)
            || System.Text.Encoding.UTF8.GetByteCount(path) > LongestPath
        )
        {
            throw new CommandException(ExitCode.Usage, "usage", $"'{path}' cannot be the path of a socket")
            {
                Advice = $"A path of 1 to {LongestPath} bytes is allowed; see --socket and UDPTUNNEL_SOCKET.",
            };
        }

        var endpoint = new UnixDomainSocketEndPoint(path);
        Socket? first;
        try
        {
            first = await OpenAsync(endpoint, cancellation).ConfigureAwait(false);
        }
        catch (SocketException e)
        {
            throw ConnectFailure.Translate(e, path, service);
        }

        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ActivityHeadersPropagator = null,
            KeepAlivePingDelay = Patience,
            KeepAlivePingTimeout = Patience,
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            ConnectCallback = async (_, token) =>
            {
                var socket = Interlocked.Exchange(ref first, null)
                    ?? await OpenAsync(endpoint, token).ConfigureAwait(false);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };

        // The authority is not used: ConnectCallback decides where the bytes go.
        var channel = GrpcChannel.ForAddress(
            "http://localhost",
            new GrpcChannelOptions
            {
                HttpHandler = handler,
                DisposeHttpClient = true,
                DisableResolverServiceConfig = true,
                MaxReceiveMessageSize = null,
            }
        );
        return new DaemonConnection(
            channel.CreateCallInvoker(),
            new Channel(channel, () => Interlocked.Exchange(ref first, null))
        );
    }

    private static async Task<Socket> OpenAsync(UnixDomainSocketEndPoint endpoint, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(endpoint, cancellation).ConfigureAwait(false);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>The channel, and the socket if no call has taken it.</summary>
    private sealed class Channel(GrpcChannel channel, Func<Socket?> takeUnused) : IDisposable
    {
        public void Dispose()
        {
            channel.Dispose();
            takeUnused()?.Dispose();
        }
    }
}
