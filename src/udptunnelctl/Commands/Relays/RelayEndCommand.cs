using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using UdpTunnel.Cli.Failures;
using UdpTunnel.Config;
using UdpTunnel.V1;
using Severity = UdpTunnel.Config.DiagnosticSeverity;

namespace UdpTunnel.Cli.Commands.Relays;

/// <summary>
/// Starts one end of a relay from options instead of a file. The options become the text of a file, which goes the way of every
/// other: checked here, checked and stored by the daemon.
/// </summary>
internal abstract class RelayEndCommand : ControlCommand
{
    private readonly string _role;
    private readonly Option<string> _udp;
    private readonly Option<string> _tcp;

    private readonly Option<string?> _name = new("--name")
    {
        Description = "Name of the relay. Default: made of role and UDP address",
        HelpName = "NAME",
    };

    private readonly Option<string?> _protocol = new("--protocol")
    {
        Description = "tls (default), or classic: as mcudpt speaks it, without encryption or identity",
        HelpName = "tls|classic",
    };

    private readonly Option<string?> _idleTimeout = new("--idle-timeout")
    {
        Description = "Seconds after which a flow without datagrams ends; default 120",
        HelpName = "SECONDS",
    };

    private readonly Option<string?> _maxFlows = new("--max-flows")
    {
        Description = "Most flows (clients) at a time; default 10000",
        HelpName = "N",
    };

    private readonly Option<bool> _ephemeral = new("--ephemeral") { Description = "Do not start it again with the daemon" };

    /// <summary>Declares what both ends have.</summary>
    protected RelayEndCommand(
        CommandHost host, GlobalOptions global, string role, string description, string udpDescription, string tcpDescription)
        : base(host, global, role, description)
    {
        _role = role;
        _udp = new Option<string>("--udp") { Description = udpDescription, HelpName = "[HOST]:PORT", Required = true };
        _tcp = new Option<string>("--tcp") { Description = tcpDescription, HelpName = "[HOST]:PORT", Required = true };
        Add(_udp);
        Add(_tcp);
        Add(_name);
        Add(_protocol);
        Add(_idleTimeout);
        Add(_maxFlows);
        Add(_ephemeral);
    }

    /// <summary>The pinned key of the other end, where there is one to pin.</summary>
    protected virtual string? ReceiverKey(Invocation invocation) => null;

    /// <inheritdoc/>
    protected override async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var text = Text(invocation);
        var result = ConfigFile.Parse(Encoding.UTF8.GetBytes(text), defaultName: null);
        if (result.Configuration is not { } configuration)
        {
            throw Mistake(result.Diagnostics.First(d => d.Severity == Severity.Error));
        }

        invocation.FileName = $"relay {_role}";
        var daemon = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        var request = new StartRelayRequest
        {
            Configuration = text,
            Name = configuration.Name,
            Ephemeral = invocation.Get(_ephemeral),
        };
        await RelayStart.RunAsync(invocation, daemon, request, w => [.. w], Invocation.ChangeTimeout, cancellation)
            .ConfigureAwait(false);
    }

    /// <summary>The file that the options stand for; what was not given is left to its default.</summary>
    private string Text(Invocation invocation)
    {
        var udp = invocation.Get(_udp)!;
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("Name", invocation.Get(_name) ?? RelayName.For(_role, udp));
            json.WriteString("Relay", _role);
            json.WriteString("UdpAddress", udp);
            json.WriteString("TcpAddress", invocation.Get(_tcp)!);
            WriteText(json, "Protocol", invocation.Get(_protocol));
            WriteNumber(json, "IdleTimeout", "--idle-timeout", invocation.Get(_idleTimeout));
            WriteNumber(json, "MaxFlows", "--max-flows", invocation.Get(_maxFlows));
            WriteText(json, "ReceiverKey", ReceiverKey(invocation));
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    private static void WriteText(Utf8JsonWriter json, string field, string? value)
    {
        if (value is not null)
        {
            json.WriteString(field, value);
        }
    }

    private void WriteNumber(Utf8JsonWriter json, string field, string option, string? value)
    {
        if (value is null)
        {
            return;
        }

        if (!long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
        {
            throw UsageFailure.Usage($"{option}: '{value}' is not a whole number", Help);
        }

        json.WriteNumber(field, number);
    }

    private string Help => $"See 'udptunnelctl relay {_role} --help'.";

    /// <summary>A mistake in the text, told of the option that it came from: nobody has seen the text.</summary>
    private CommandException Mistake(Config.Diagnostic mistake)
    {
        var option = mistake.Field switch
        {
            "Name" => "--name: ",
            "UdpAddress" => "--udp: ",
            "TcpAddress" => "--tcp: ",
            "Protocol" => "--protocol: ",
            "IdleTimeout" => "--idle-timeout: ",
            "MaxFlows" => "--max-flows: ",
            "ReceiverKey" => "--receiver-key: ",
            _ => "",
        };
        return UsageFailure.Usage(option + mistake.Message, Help);
    }
}
