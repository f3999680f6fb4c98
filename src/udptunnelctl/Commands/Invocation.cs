using System.CommandLine;
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

    private readonly ParseResult _arguments;
    private DaemonConnection? _connection;

    /// <summary>Reads the global options.</summary>
    public Invocation(CommandHost host, GlobalOptions global, ParseResult arguments)
    {
        Host = host;
        _arguments = arguments;
        Json = arguments.GetValue(global.Json);
        SocketPath = ControlSocket.Resolve(arguments.GetValue(global.Socket), host.Environment);
        Abilities = TerminalAbilities.Of(host.Environment);
        Colour = CanRedraw && Abilities.Colour && string.IsNullOrEmpty(host.Environment("NO_COLOR"));
    }

    /// <summary>The world around.</summary>
    public CommandHost Host { get; }

    /// <summary>JSON was asked for.</summary>
    public bool Json { get; }

    /// <summary>Where the daemon is looked for.</summary>
    public string SocketPath { get; }

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

    /// <summary>The value of an argument.</summary>
    public T? Get<T>(Argument<T> argument) => _arguments.GetValue(argument);

    /// <summary>The value of an option.</summary>
    public T? Get<T>(Option<T> option) => _arguments.GetValue(option);

    /// <summary>The daemon; connects at first use.</summary>
    /// <exception cref="CommandException">It cannot be reached.</exception>
    public async Task<DaemonConnection> ConnectAsync(CancellationToken cancellation) =>
        _connection ??= await Host.Connector.ConnectAsync(SocketPath, cancellation).ConfigureAwait(false);

    /// <summary>
    /// Options of a call that must end in time. The deadline is of the real clock, which is what the channel measures by.
    /// </summary>
    public static CallOptions Within(TimeSpan timeout, CancellationToken cancellation) =>
        new(deadline: DateTime.UtcNow + timeout, cancellationToken: cancellation);

    /// <summary>An empty screen, coloured where colour is wanted.</summary>
    public Screen NewScreen() => new(Colour);

    /// <summary>Writes a screen.</summary>
    public void Print(Screen screen) => Host.Output.Write(screen.ToString());

    /// <summary>Writes a JSON object.</summary>
    public void PrintJson(Action<Utf8JsonWriter> members) => JsonOutput.Write(Host.Output, members);

    /// <summary>The failure, with the nearest name as advice if a tunnel or relay was not found.</summary>
    public async Task<CommandException> SuggestAsync(CommandException failure)
    {
        if (failure.ExitCode != ExitCode.NoSuchThing || Names.Count == 0 || _connection is null)
        {
            return failure;
        }

        try
        {
            var inventory = await Inventory.ReadAsync(_connection, SuggestTimeout, CancellationToken.None).ConfigureAwait(false);
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

    /// <inheritdoc/>
    public void Dispose() => _connection?.Dispose();
}
