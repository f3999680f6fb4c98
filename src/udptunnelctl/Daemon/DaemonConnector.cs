// SPDX-License-Identifier: BSD-3-Clause

using System.Net.Sockets;
using Grpc.Core;
using Grpc.Net.Client;
using UdpTunnel.Cli.Failures;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Daemon;

/// <summary>
/// gRPC over the daemon's Unix domain socket, on this host or, through ssh, on another. The way to it is there before
/// the HTTP client exists: the errors of connect(2) then come as they are, not wrapped into a failed call, and a
/// missing daemon is reported without starting any of it.
/// </summary>
/// <param name="service">What to advise if nobody answers.</param>
internal sealed class DaemonConnector(ServiceManager service) : IDaemonConnector
{
    /// <summary>
    /// A daemon that hangs leaves its socket open: a stream would wait for ever. So it is asked now and then while a
    /// call is open (PING, RFC 9113, section 6.7), which its HTTP server answers however busy the daemon is.
    /// </summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>sun_path of sockaddr_un less the final zero (unix(7)), in bytes.</summary>
    private const int LongestPath = 107;

    /// <inheritdoc/>
    public async Task<DaemonConnection> ConnectAsync(DaemonPlace place, bool mayAsk, CancellationToken cancellation) =>
        place.Host is { } host
            ? await ConnectAsync(host, host.Arguments(place.Socket, mayAsk), cancellation).ConfigureAwait(false)
            : Connect(await DialAsync(place.LocalSocket, cancellation).ConfigureAwait(false), async token =>
                await OpenAsync(new UnixDomainSocketEndPoint(place.LocalSocket), token).ConfigureAwait(false)
            );

    /// <inheritdoc/>
    public async Task<NetworkStream> DialAsync(string path, CancellationToken cancellation)
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

        try
        {
            return await OpenAsync(new UnixDomainSocketEndPoint(path), cancellation).ConfigureAwait(false);
        }
        catch (SocketException e)
        {
            throw ConnectFailure.Translate(e, path, service);
        }
    }

    private async Task<DaemonConnection> ConnectAsync(
        SshHost host,
        IEnumerable<string> arguments,
        CancellationToken cancellation
    )
    {
        // ssh says nothing when it has connected, so that only an answer of the daemon shows it. A call that everybody
        // may make: whether more is allowed, the next one says.
        var answered = false;
        var ssh = SshStream.Start(arguments);
        var connection = Connect(ssh, _ =>
            answered
                ? Task.FromResult<Stream>(SshStream.Start(arguments))
                : throw new IOException($"{host} has not answered")
        );
        try
        {
            await connection
                .Daemon.WhoAmIAsync(new WhoAmIRequest(), cancellationToken: cancellation)
                .ResponseAsync.ConfigureAwait(false);
            answered = true;
            return connection;
        }
        catch (RpcException e)
        {
            connection.Dispose();
            cancellation.ThrowIfCancellationRequested();
            if (RpcFailure.StatusOf(e) is not (StatusCode.Unavailable or StatusCode.Internal))
            {
                throw;
            }

            var (exitCode, complaint) = await ssh.EndAsync().ConfigureAwait(false);
            throw SshFailure.Translate(host, exitCode, complaint);
        }
    }

    private DaemonConnection Connect(Stream opened, Func<CancellationToken, Task<Stream>> again)
    {
        Stream? first = opened;
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
                Interlocked.Exchange(ref first, null) ?? await again(token).ConfigureAwait(false),
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

    private static async Task<NetworkStream> OpenAsync(
        UnixDomainSocketEndPoint endpoint,
        CancellationToken cancellation
    )
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(endpoint, cancellation).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>The channel, and the stream if no call has taken it.</summary>
    private sealed class Channel(GrpcChannel channel, Func<Stream?> takeUnused) : IDisposable
    {
        public void Dispose()
        {
            channel.Dispose();
            takeUnused()?.Dispose();
        }
    }
}
