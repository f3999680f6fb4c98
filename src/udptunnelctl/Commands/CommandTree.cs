// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Commands.Joining;
using UdpTunnel.Cli.Commands.Relays;

namespace UdpTunnel.Cli.Commands;

/// <summary>
/// The words of the command line, in the order of the help. A command is a class with one method, <c>RunAsync</c>, and
/// one line here; the attributes of the method say the rest.
/// </summary>
internal static class CommandTree
{
    /// <summary>All commands.</summary>
    public static readonly CommandGroup Root = new(
        "udptunnelctl",
        "Controls udptunneld, which makes private IP links over UDP and publishes UDP services through TCP.",
        "udptunnelctl check home.json && udptunnelctl up home.json",
        "udptunnelctl status",
        "udptunnelctl relay receiver --udp 198.51.100.2:53 --tcp :5353"
    )
    {
        Command.Of<NewCommand>("new", insteadOf: ["create", "init", "add"]),
        Command.Of<UpCommand>("up", insteadOf: ["start", "run"]),
        Command.Of<DownCommand>("down", insteadOf: ["stop", "rm", "remove", "delete", "kill"]),
        Command.Of<ReloadCommand>("reload", insteadOf: ["restart", "update"]),
        Command.Of<ApplyCommand>("apply", insteadOf: ["sync"]),
        Command.Of<CheckCommand>("check", insteadOf: ["validate", "test", "lint"]),
        Command.Of<StatusCommand>("status", aliases: ["list", "ls"], insteadOf: ["show", "ps"]),
        Command.Of<StatsCommand>("stats", insteadOf: ["watch", "counters"]),
        Command.Of<TopCommand>("top"),
        Command.Of<EventsCommand>("events", insteadOf: ["logs", "history"]),
        Command.Of<PeersCommand>("peers", insteadOf: ["clients"]),
        Command.Of<PingCommand>("ping"),
        Command.Of<PortsCommand>("ports"),
        Command.Of<ConfigCommand>("config", insteadOf: ["export"]),
        Command.Of<CaptureCommand>("capture", insteadOf: ["tcpdump", "dump", "sniff"]),
        Command.Of<TraceCommand>("trace"),
        new CommandGroup(
            "relay",
            "Publish a UDP service of a private network through one TCP connection.",
            "udptunnelctl relay receiver --udp 198.51.100.2:53 --tcp :5353",
            "udptunnelctl relay sender --udp internal-dns.lan:53 --tcp tunnel-server:5353",
            "udptunnelctl approve SHA256:47DEQpj8"
        )
        {
            Command.Of<RelayReceiverCommand>("receiver"),
            Command.Of<RelaySenderCommand>("sender"),
            Command.Of<RelayAcceptKeyCommand>("accept-key"),
        },
        Command.Of<InviteCommand>("invite"),
        Command.Of<JoinCommand>("join"),
        Command.Of<SendersCommand>("senders"),
        Command.Of<ApproveCommand>("approve", insteadOf: ["allow", "accept"]),
        Command.Of<DenyCommand>("deny", insteadOf: ["reject"]),
        Command.Of<RevokeCommand>("revoke"),
        Command.Of<DoctorCommand>("doctor"),
        Command.Of<LogCommand>("log", insteadOf: ["loglevel", "debug", "verbose"]),
        Command.Of<WhoAmICommand>("whoami"),
        Command.Of<VersionCommand>("version"),
        Command.Of<CompletionCommand>("completion"),
        Command.Of<DialStdioCommand>("dial-stdio"),
        Command.Of<HelpCommand>("help"),
    };
}
