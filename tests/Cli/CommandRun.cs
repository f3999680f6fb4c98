// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using System.Text.Json;
using UdpTunnel.Cli;
using UdpTunnel.Cli.Commands;
using UdpTunnel.Cli.Daemon;
using UdpTunnel.Tests.Cli.Live;

namespace UdpTunnel.Tests.Cli;

/// <summary>One run of the command inside the test's process, with everything it wrote.</summary>
internal sealed class CommandRun
{
    /// <summary>What the command reads as standard input.</summary>
    public string Input { get; init; } = "";

    public TerminalFacts Terminal { get; init; } = new();

    public Dictionary<string, string> Environment { get; } = [];

    /// <summary>Ctrl-C, once the command has taken it over.</summary>
    public Action? Interrupt { get; private set; }

    /// <summary>What the command takes over if it draws on the whole screen.</summary>
    public FakeTerminal Screen { get; } = new();

    public SharedWriter Output { get; } = new();

    public SharedWriter Error { get; } = new();

    public int ExitCode { get; private set; } = -1;

    /// <summary>Whether the host of the command forwards packets.</summary>
    public bool IsForwarding { get; init; }

    /// <summary>Name of a device that this host does not have.</summary>
    public string MissingDevice { get; init; } = "";

    /// <summary>An address that this host does not have.</summary>
    public string MissingAddress { get; init; } = "";

    /// <summary>A host without systemd.</summary>
    public ServiceManager Service { get; init; } = new(_ => false);

    /// <summary>
    /// How long a silent daemon is waited for before it is asked whether it is there, and again before it counts as
    /// gone.
    /// </summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The output as JSON.</summary>
    public JsonElement Json
    {
        get
        {
            using var document = JsonDocument.Parse(Output.ToString());
            return document.RootElement.Clone();
        }
    }

    /// <summary>The output as NDJSON.</summary>
    public IReadOnlyList<JsonElement> JsonLines =>
        [
            .. Output
                .ToString()
                .Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(l =>
                {
                    using var document = JsonDocument.Parse(l);
                    return document.RootElement.Clone();
                }),
        ];

    /// <summary>Runs <c>udptunnelctl</c> against a server.</summary>
    public static Task<CommandRun> OfAsync(FakeServer server, params string[] args) =>
        new CommandRun().RunAsync(server, args);

    /// <summary>Runs it with this input, terminal and environment.</summary>
    public Task<CommandRun> RunAsync(FakeServer server, params string[] args)
    {
        Environment.TryAdd("UDPTUNNEL_SOCKET", server.SocketPath);
        return RunAsync(args);
    }

    /// <summary>Runs it with the socket that the arguments or the environment name.</summary>
    public async Task<CommandRun> RunAsync(params string[] args)
    {
        ExitCode = await ControlProgram.RunAsync(args, Host());
        return this;
    }

    /// <summary>The world around the command.</summary>
    public CommandHost Host() =>
        new()
        {
            Output = Output,
            IsForwarding = () => IsForwarding,
            HasDevice = device => device != MissingDevice,
            HasAddress = address => address.ToString() != MissingAddress,
            Error = Error,
            OpenInput = () => new MemoryStream(Encoding.UTF8.GetBytes(Input)),
            Terminal = Terminal,
            Environment = name => Environment.GetValueOrDefault(name),
            Time = new FixedClock(),
            Connector = new DaemonConnector(Service) { Patience = Patience },
            Service = Service,
            TakeTerminal = Screen.Take,
            OnInterrupt = action =>
            {
                Interrupt = action;
                return new Released();
            },
        };

    private sealed class FixedClock : TimeProvider
    {
        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

        public override DateTimeOffset GetUtcNow() => Samples.Now;
    }

    private sealed class Released : IDisposable
    {
        public void Dispose() { }
    }
}
