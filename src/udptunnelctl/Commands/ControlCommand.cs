using System.CommandLine;
using Grpc.Core;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Failures;

namespace UdpTunnel.Cli.Commands;

/// <summary>What all commands have in common: they end with an exit code, and each failure is told in the same way.</summary>
internal abstract class ControlCommand : Command, IHasExamples
{
    /// <summary>errno of a pipe whose reader has gone, which .NET passes on as the HResult of an IOException.</summary>
    private const int BrokenPipe = 32;

    private readonly CommandHost _host;
    private readonly GlobalOptions _global;

    /// <summary>Prepares the command; adding arguments and options is the derived class's.</summary>
    protected ControlCommand(CommandHost host, GlobalOptions global, string name, string description)
        : base(name, description)
    {
        _host = host;
        _global = global;
        SetAction(InvokeAsync);
    }

    /// <summary>Whole command lines for the end of the help.</summary>
    public abstract IReadOnlyList<string> Examples { get; }

    /// <summary>What may stand in place of an argument.</summary>
    /// <param name="argument">The place, counted from 0.</param>
    public virtual CompletionSource CompletionOf(int argument) => CompletionSource.Nothing;

    /// <summary>Does it. Output need not be flushed.</summary>
    /// <exception cref="CommandException">It cannot be done.</exception>
    /// <exception cref="RpcException">A call failed.</exception>
    protected abstract Task RunAsync(Invocation invocation, CancellationToken cancellation);

    private async Task<int> InvokeAsync(ParseResult arguments, CancellationToken cancellation)
    {
        using var invocation = new Invocation(_host, _global, arguments);
        CommandException failure;
        try
        {
            await RunAsync(invocation, cancellation).ConfigureAwait(false);
            await _host.Output.FlushAsync(cancellation).ConfigureAwait(false);
            return (int)ExitCode.Done;
        }
        catch (CommandException e)
        {
            failure = e;
        }
        catch (RpcException e)
        {
            failure = await invocation.SuggestAsync(RpcFailure.Translate(e, invocation.SocketPath, _host.Service, invocation.FileName))
                .ConfigureAwait(false);
        }
        catch (IOException e) when (e.HResult == BrokenPipe)
        {
            // The reader has what it wanted, as in 'stats --watch | head'.
            return (int)ExitCode.Done;
        }
        catch (IOException e) when (SystemError.HasErrno(e))
        {
            failure = new CommandException(ExitCode.Failed, "output", $"cannot write the output: {SystemError.Text(e)}");
        }

        return Report(failure, invocation.Json);
    }

    private int Report(CommandException failure, bool json)
    {
        try
        {
            FailureReport.Write(_host, failure, json);
        }
        catch (IOException)
        {
            // Nobody is left to tell; the exit code still says it.
        }

        return (int)failure.ExitCode;
    }
}
