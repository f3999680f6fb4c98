// SPDX-License-Identifier: BSD-3-Clause

using System.Net.Sockets;
using Cocona;

namespace UdpTunnel.Cli.Commands;

/// <summary>
/// <c>dial-stdio</c>: what <c>--host</c> runs at the other host. Bytes go as they come, so that whoever may start this
/// command may do through it what they may do at the socket, and no more.
/// </summary>
internal sealed class DialStdioCommand(Invocation invocation)
{
    private const int BufferSize = 64 * 1024;

    /// <summary>
    /// How long an answer is waited for after the last byte of the input: a daemon that hangs does not keep this
    /// program from ending with its caller.
    /// </summary>
    private static readonly TimeSpan AnswerPatience = TimeSpan.FromSeconds(2);

    [Command(
        Description = "Join standard input and output with the daemon's socket: what '--host' runs at the other host. "
            + "Ends when either side ends."
    )]
    [Example("udptunnelctl --host ssh://admin@server status")]
    [Example("udptunnelctl dial-stdio")]
    public async Task RunAsync()
    {
        if (invocation.Json)
        {
            throw UsageFailure.Usage("dial-stdio passes bytes on and has no JSON", "See 'udptunnelctl --help'.");
        }

        if (invocation.Place.Host is not null)
        {
            throw UsageFailure.Usage(
                "dial-stdio is for the daemon of the host where it runs",
                "Leave out --host and UDPTUNNEL_HOST."
            );
        }

        var cancellation = invocation.Cancellation;
        await using var daemon = await invocation
            .Host.Connector.DialAsync(invocation.Place.LocalSocket, cancellation)
            .ConfigureAwait(false);
        var output = invocation.Host.OpenOutput();
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var answers = AnswerAsync(daemon, output, ended.Token);

        // A read of standard input cannot be called off: it is left behind when the daemon has ended.
        var requests = Task.Run(() => AskAsync(daemon), cancellation);
        if (await Task.WhenAny(answers, requests).ConfigureAwait(false) == requests)
        {
            ended.CancelAfter(AnswerPatience);
        }

        await answers.ConfigureAwait(false);
    }

    /// <summary>Until the input ends or the daemon takes no more, which it then says itself.</summary>
    private async Task AskAsync(NetworkStream daemon)
    {
        try
        {
            var input = invocation.Host.OpenInput();
            await using (input.ConfigureAwait(false))
            {
                await input.CopyToAsync(daemon, BufferSize).ConfigureAwait(false);
            }

            daemon.Socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            // The other direction ends with it.
        }
    }

    /// <summary>Until the daemon ends, or the time is over in which it may answer a caller that asks no more.</summary>
    private static async Task AnswerAsync(NetworkStream daemon, Stream output, CancellationToken ended)
    {
        try
        {
            await daemon.CopyToAsync(output, BufferSize, ended).ConfigureAwait(false);
        }
        catch (Exception e)
            when (e is IOException { InnerException: SocketException }
                || (e is OperationCanceledException && ended.IsCancellationRequested)
            )
        {
            // It has ended.
        }
    }
}
