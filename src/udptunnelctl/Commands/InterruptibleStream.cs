// SPDX-License-Identifier: BSD-3-Clause

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

    /// <summary>Ends the stream as Ctrl-C does.</summary>
    public void Interrupt() => _interrupted.Cancel();

    /// <summary>Gives each message to <paramref name="take"/> until the user ends it.</summary>
    /// <param name="reader">Where they come from.</param>
    /// <param name="take">What is done with each.</param>
    /// <param name="flush">Whether it writes to the output, which is flushed then; a view has its own ways.</param>
    /// <exception cref="CommandException">
    /// The daemon ended the stream, which it does only when it ends itself.
    /// </exception>
    /// <exception cref="RpcException">The call failed.</exception>
    public async Task ReadAsync<T>(IAsyncStreamReader<T> reader, Action<T> take, bool flush = true)
    {
        try
        {
            while (await reader.MoveNext(Token).ConfigureAwait(false))
            {
                take(reader.Current);
                if (flush)
                {
                    await _invocation.Host.Output.FlushAsync(Token).ConfigureAwait(false);
                }
            }
        }
        catch (Exception e) when (Token.IsCancellationRequested && e is OperationCanceledException or RpcException)
        {
            // A call that is cancelled may end with another status too, and as if the daemon had ended the stream.
        }

        if (!Token.IsCancellationRequested)
        {
            throw DaemonEnded();
        }
    }

    /// <summary>The daemon ended a stream, which it does only when it ends itself.</summary>
    public CommandException DaemonEnded() =>
        new(ExitCode.Unreachable, "daemon_ended", $"udptunneld at {_invocation.Place.Name} has ended")
        {
            Advice = _invocation.Service.WhyEnded,
        };

    /// <inheritdoc/>
    public void Dispose()
    {
        _registration.Dispose();
        _interrupted.Dispose();
    }
}
