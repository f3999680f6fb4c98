// SPDX-License-Identifier: BSD-3-Clause

using System.Text.Json;
using Grpc.Core;
using UdpTunnel.Cli.Daemon;
using UdpTunnel.Cli.Failures;
using UdpTunnel.Cli.Live;
using UdpTunnel.Cli.Output;

namespace UdpTunnel.Cli.Commands;

/// <summary>One run of a command: what was asked for, and the ways to answer.</summary>
internal sealed class Invocation : IDisposable
{
    /// <summary>A daemon answers a look within milliseconds; one that takes so long is stuck.</summary>
    public static readonly TimeSpan LookTimeout = TimeSpan.FromSeconds(10);

    /// <summary>A change may wait for the kernel and for the disk.</summary>
    public static readonly TimeSpan ChangeTimeout = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan SuggestTimeout = TimeSpan.FromSeconds(2);

    private readonly string? _host;
    private readonly string? _socket;
    private DaemonConnection? _connection;

    /// <summary>Reads the global options.</summary>
    public Invocation(CommandHost host, Request request)
    {
        Host = host;
        Json = request.IsSet(GlobalOptions.Json);
        _host = request.ValueOf(GlobalOptions.Host);
        _socket = request.ValueOf(GlobalOptions.Socket);
        Abilities = TerminalAbilities.Of(host.Environment);
        Colour = CanRedraw && Abilities.Colour && string.IsNullOrEmpty(host.Environment("NO_COLOR"));
    }

    /// <summary>The world around.</summary>
    public CommandHost Host { get; }

    /// <summary>JSON was asked for.</summary>
    public bool Json { get; }

    /// <summary>Where the daemon is looked for.</summary>
    /// <exception cref="CommandException">What the user wrote names no place.</exception>
    public DaemonPlace Place => field ??= DaemonPlace.Resolve(_host, _socket, Host.Environment);

    /// <summary>How the daemon is started and asked where it is.</summary>
    public ServiceManager Service => Place.Host is null ? Host.Service : ServiceManager.OfAnotherHost;

    /// <summary>The configuration file that a call is about, as the user named it: diagnostics begin with it.</summary>
    public string FileName { get; set; } = "";

    /// <summary>The tunnels and relays that the user named; a wrong one gets the nearest suggested.</summary>
    public IReadOnlyList<string> Names { get; set; } = [];

    /// <summary>A view may be drawn over itself: the output is a terminal that knows how.</summary>
    public bool CanRedraw => Host.Terminal.OutputIsTerminal && Abilities.CursorAddressing;

    /// <summary>What the terminal can show.</summary>
    public TerminalAbilities Abilities { get; }

    /// <summary>Colours are wanted and can be shown.</summary>
    public bool Colour { get; }

    /// <summary>
    /// Ends the calls of the command. In the program nothing fires it: a signal ends the process, or the stream that
    /// took it over.
    /// </summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>The options of a call that looks.</summary>
    public CallOptions LookCall => Within(LookTimeout, Cancellation);

    /// <summary>The options of a call that changes something.</summary>
    public CallOptions ChangeCall => Within(ChangeTimeout, Cancellation);

    /// <summary>What the process ends with, as far as it is known.</summary>
    public ExitCode Outcome { get; private set; } = ExitCode.Done;

    /// <summary>The daemon; connects at first use.</summary>
    /// <exception cref="CommandException">It cannot be reached.</exception>
    public Task<DaemonConnection> ConnectAsync() => ConnectAsync(Cancellation);

    /// <summary>The same for a stream, whose token ends the attempt.</summary>
    /// <exception cref="CommandException">It cannot be reached.</exception>
    public async Task<DaemonConnection> ConnectAsync(CancellationToken cancellation) =>
        _connection ??= await Host.Connector.ConnectAsync(Place, mayAsk: true, cancellation).ConfigureAwait(false);

    /// <summary>
    /// Options of a call that must end in time. The deadline is of the real clock, which is what the channel measures
    /// by.
    /// </summary>
    public static CallOptions Within(TimeSpan timeout, CancellationToken cancellation) =>
        new(deadline: DateTime.UtcNow + timeout, cancellationToken: cancellation);

    /// <summary>An empty screen, coloured where colour is wanted.</summary>
    public Screen NewScreen() => new(Colour);

    /// <summary>Writes a screen.</summary>
    public void Print(Screen screen) => Host.Output.Write(screen.ToString());

    /// <summary>Writes a JSON object.</summary>
    public void PrintJson(Action<Utf8JsonWriter> members) => JsonOutput.Write(Host.Output, members);

    /// <summary>
    /// Does something for several things in turn. One that fails is reported at once and keeps none of the others from
    /// it; the command ends as the first failure says.
    /// </summary>
    public async Task ForEachAsync<T>(IEnumerable<T> things, Func<T, Task> act)
    {
        foreach (var thing in things)
        {
            try
            {
                await act(thing).ConfigureAwait(false);
            }
            catch (Exception e) when (e is CommandException or RpcException)
            {
                await FailAsync(e).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Reports a failure. The first decides what the command ends with.</summary>
    /// <param name="exception">A refused command, a failed call, or an output that takes no more.</param>
    public async Task FailAsync(Exception exception)
    {
        var failure = exception switch
        {
            CommandException known => known,
            RpcException call => await SuggestAsync(RpcFailure.Translate(call, Place.Name, Service, FileName))
                .ConfigureAwait(false),
            IOException output => new CommandException(
                ExitCode.Failed,
                "output",
                $"cannot write the output: {SystemError.Text(output)}"
            ),
            _ => throw new ArgumentException(exception.Message, nameof(exception), exception),
        };
        Outcome = Outcome == ExitCode.Done ? failure.ExitCode : Outcome;
        try
        {
            FailureReport.Write(Host, failure, Json);
        }
        catch (IOException)
        {
            // Nobody is left to tell; the exit code still says it.
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _connection?.Dispose();

    /// <summary>The failure, with the nearest name as advice if a tunnel or relay was not found.</summary>
    private async Task<CommandException> SuggestAsync(CommandException failure)
    {
        if (failure.ExitCode != ExitCode.NoSuchThing || Names.Count == 0 || _connection is null)
        {
            return failure;
        }

        try
        {
            var inventory = await Inventory
                .ReadAsync(_connection, SuggestTimeout, CancellationToken.None)
                .ConfigureAwait(false);
            var known = inventory.Names.ToList();
            var wrong = Names.FirstOrDefault(n => !known.Contains(n, StringComparer.Ordinal));
            if (wrong is null || NearestName.Of(wrong, known) is not { } nearest)
            {
                return failure;
            }

            return new CommandException(failure.ExitCode, failure.Reason, failure.Message)
            {
                Advice = $"Did you mean '{nearest}'? {failure.Advice}",
            };
        }
        catch (RpcException)
        {
            // The suggestion is a courtesy; the failure itself stays what it is.
            return failure;
        }
    }
}
