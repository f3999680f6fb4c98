using Grpc.Core;
using UdpTunnel.Cli.Failures;

namespace UdpTunnel.Cli.Commands;

/// <summary>A stream of the daemon that goes on until the user ends it, which is no failure.</summary>
internal sealed class InterruptibleStream : IDisposable
{
    private readonly Invocation _invocation;
    private readonly CancellationTokenSource _interrupted;
    private readonly IDisposable _registration;

    /// <summary>Takes over Ctrl-C.</summary>
    public InterruptibleStream(Invocation invocation, CancellationToken cancellation)
    {
        _invocation = invocation;
        _interrupted = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _registration = invocation.Host.OnInterrupt(_interrupted.Cancel);
    }

    /// <summary>Fires when the user ends the stream.</summary>
    public CancellationToken Token => _interrupted.Token;

    /// <summary>Gives each message to <paramref name="take"/> and flushes, until the user ends it.</summary>
    /// <exception cref="CommandException">The daemon ended the stream, which it does only when it ends itself.</exception>
    /// <exception cref="RpcException">The call failed.</exception>
    public async Task ReadAsync<T>(IAsyncStreamReader<T> reader, Action<T> take)
    {
        try
        {
            while (await reader.MoveNext(Token).ConfigureAwait(false))
            {
                take(reader.Current);
                await _invocation.Host.Output.FlushAsync(Token).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (Token.IsCancellationRequested
            && e is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled })
        {
            return;
        }

        throw new CommandException(ExitCode.Unreachable, "daemon_ended", $"udptunneld at {_invocation.SocketPath} has ended")
        {
            Advice = "'systemctl status udptunneld' and 'journalctl -u udptunneld' say why.",
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _registration.Dispose();
        _interrupted.Dispose();
    }
}
