// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using System.Text;
using System.Text.Json;
using Cocona;
using UdpTunnel.Cli.Failures;
using UdpTunnel.Config;
using Severity = UdpTunnel.Config.DiagnosticSeverity;

namespace UdpTunnel.Cli.Commands.Relays;

/// <summary>The options that both ends of a relay have.</summary>
internal sealed class RelayOptions : ICommandParameterSet
{
    /// <summary>Null makes a name of role and UDP address.</summary>
    [Option("name", ValueName = "NAME", Description = "Name of the relay. Default: made of role and UDP address")]
    [HasDefaultValue]
    public string? Name { get; init; }

    /// <summary>As the configuration has it.</summary>
    [Option(
        "protocol",
        ValueName = "tls|classic",
        Description = "tls (default), or classic: as mcudpt speaks it, without encryption or identity"
    )]
    [HasDefaultValue]
    public string? Protocol { get; init; }

    /// <summary>A duration of whole seconds, or a number of seconds.</summary>
    [Option(
        "idle-timeout",
        ValueName = "DURATION",
        Description = "Time after which a flow without datagrams ends; default 2m"
    )]
    [HasDefaultValue]
    public string? IdleTimeout { get; init; }

    /// <summary>As the configuration has it.</summary>
    [Option("max-flows", ValueName = "N", Description = "Most flows (clients) at a time; default 10000")]
    [HasDefaultValue]
    public long? MaxFlows { get; init; }

    /// <summary>It does not come back with the daemon.</summary>
    [Option("ephemeral", Description = "Do not start it again with the daemon")]
    public bool Ephemeral { get; init; }
}

/// <summary>
/// Starts one end of a relay from options instead of a file. The options become the text of a file, which goes the way
/// of every other: checked here, checked and stored by the daemon.
/// </summary>
/// <param name="invocation">The command.</param>
/// <param name="role"><c>receiver</c> or <c>sender</c>.</param>
internal sealed class RelayEnd(Invocation invocation, string role)
{
    private string Help => $"See 'udptunnelctl relay {role} --help'.";

    /// <summary>Starts it and says what was done.</summary>
    /// <param name="udp">Addresses of the UDP side.</param>
    /// <param name="tcp">Address of the TCP side.</param>
    /// <param name="options">What both ends have.</param>
    /// <param name="writeOwn">Writes the fields that only this end has.</param>
    public async Task StartAsync(
        IReadOnlyList<string> udp,
        string tcp,
        RelayOptions options,
        Action<Utf8JsonWriter> writeOwn
    )
    {
        var text = Text(udp, tcp, options, writeOwn);
        var result = ConfigFile.Parse(Encoding.UTF8.GetBytes(text), defaultName: null);
        if (result.Configuration is not { } configuration)
        {
            throw Mistake(result.Diagnostics.First(d => d.Severity == Severity.Error));
        }

        invocation.FileName = $"relay {role}";
        var daemon = await invocation.ConnectAsync().ConfigureAwait(false);
        var wanted = new Wanted(configuration.Name, text, IsRelay: true, options.Ephemeral);
        await RelayStart
            .RunAsync(invocation, daemon, wanted, w => [.. w], replace: false, Invocation.ChangeTimeout)
            .ConfigureAwait(false);
    }

    /// <summary>An address that may be a port alone: what listens needs no host.</summary>
    public static string Listening(string address) => IsPort(address) ? $":{address}" : address;

    /// <summary>An address at which something is reached.</summary>
    /// <exception cref="CommandException">It is a port alone.</exception>
    public string Reached(string option, string address) =>
        IsPort(address)
            ? throw UsageFailure.Usage(
                $"{option}: {address} is a port without a host: write HOST:{address}, such as localhost:{address}",
                Help
            )
            : address;

    /// <summary>Writes a field, if its option was given.</summary>
    public static void WriteText(Utf8JsonWriter json, string field, string? value)
    {
        if (value is not null)
        {
            json.WriteString(field, value);
        }
    }

    /// <inheritdoc cref="WriteText"/>
    public static void WriteNumber(Utf8JsonWriter json, string field, long? value)
    {
        if (value is { } number)
        {
            json.WriteNumber(field, number);
        }
    }

    /// <inheritdoc cref="WriteText"/>
    public static void WriteTexts(Utf8JsonWriter json, string field, IReadOnlyList<string>? values)
    {
        if (values is null)
        {
            return;
        }

        json.WriteStartArray(field);
        foreach (var value in values)
        {
            json.WriteStringValue(value);
        }

        json.WriteEndArray();
    }

    private static bool IsPort(string address) =>
        address.Length > 0 && address.All(c => char.IsAsciiDigit(c) || c == '-');

    /// <summary>The file that the options stand for; what was not given is left to its default.</summary>
    private string Text(IReadOnlyList<string> udp, string tcp, RelayOptions options, Action<Utf8JsonWriter> writeOwn)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("Name", options.Name ?? RelayName.For(role, udp[0]));
            json.WriteString("Relay", role);
            WriteServices(json, udp);
            json.WriteString("TcpAddress", tcp);
            WriteText(json, "Protocol", options.Protocol);
            WriteNumber(json, "IdleTimeout", options.IdleTimeout is { } idle ? Seconds(idle) : null);
            WriteNumber(json, "MaxFlows", options.MaxFlows);
            writeOwn(json);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    /// <summary>One as a string, as older daemons know it; several as a list.</summary>
    private static void WriteServices(Utf8JsonWriter json, IReadOnlyList<string> udp)
    {
        if (udp.Count == 1)
        {
            json.WriteString("UdpAddress", udp[0]);
            return;
        }

        WriteTexts(json, "UdpAddress", udp);
    }

    /// <summary>A number without a unit counts seconds, as in the configuration.</summary>
    private long Seconds(string text)
    {
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
        {
            return number;
        }

        return DurationText.TryParse(text, out var duration) && duration.Ticks % TimeSpan.TicksPerSecond == 0
            ? duration.Ticks / TimeSpan.TicksPerSecond
            : throw UsageFailure.Usage(
                $"--idle-timeout: '{text}' is not a duration of whole seconds, such as 90s or 2m",
                Help
            );
    }

    /// <summary>A mistake in the text, told of the option that it came from: nobody has seen the text.</summary>
    private CommandException Mistake(Config.Diagnostic mistake)
    {
        var option = mistake.Field.Split('[')[0] switch
        {
            "Name" => "--name: ",
            "UdpAddress" => "--udp: ",
            "TcpAddress" => "--tcp: ",
            "Protocol" => "--protocol: ",
            "IdleTimeout" => "--idle-timeout: ",
            "MaxFlows" => "--max-flows: ",
            "ReceiverKey" => "--receiver-key: ",
            "ProxyProtocol" => "--proxy-protocol: ",
            "AnswersFrom" => "--answers-from: ",
            "AllowedClients" => "--allowed-clients: ",
            "ClientFlowRate" => "--client-flow-rate: ",
            "ClientByteRate" => "--client-byte-rate: ",
            _ => "",
        };
        return UsageFailure.Usage(option + mistake.Message, Help);
    }
}
