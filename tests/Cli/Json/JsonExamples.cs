// SPDX-License-Identifier: BSD-3-Clause

using System.Text.Json;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using UdpTunnel.Cli.Commands;
using UdpTunnel.Tests.Cli.Relays;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli.Json;

/// <summary>
/// What each command writes with <c>--json</c>, run against a daemon of samples: the examples of docs/json.md.
/// </summary>
internal static class JsonExamples
{
    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The command lines, each with the name that its output has in the schema.</summary>
    public static readonly TheoryData<string, string> All = new()
    {
        { "new", "new wg0 --ports 22 --output wg0.json" },
        { "up", "up home.json" },
        { "up", "up dns.json" },
        { "down", "down home" },
        { "down", "down dns" },
        { "reload", "reload home home.json --yes" },
        { "reload", "reload dns dns.json" },
        { "reload", "reload --all" },
        { "apply", "apply home.json office.json --prune --yes" },
        { "check", "check home.json" },
        { "status", "status" },
        { "status", "status home" },
        { "status", "status dns" },
        { "stats", "stats" },
        { "stats", "stats --watch" },
        { "events", "events" },
        { "events", "events --follow" },
        { "peers", "peers" },
        { "ping", "ping laptop --count 1" },
        { "ports", "ports home allow 80" },
        { "config", "config wg0 --wg-quick" },
        { "capture", "capture home" },
        { "trace", "trace home 10.0.0.1:40000 10.0.0.2:22" },
        { "relay receiver", "relay receiver --udp :53 --tcp :5353" },
        { "relay sender", "relay sender --udp internal-dns.lan:53 --tcp tunnel-server:5353" },
        { "relay accept-key", $"relay accept-key inside {RelaySamples.OtherKey}" },
        { "invite", "invite wg0 --name laptop" },
        { "join", $"join {Samples.Token}" },
        { "senders", "senders" },
        { "senders", "senders --follow" },
        { "approve", "approve SHA256:47DEQpj8" },
        { "approve", "approve rHv8wSio --name laptop" },
        { "deny", "deny SHA256:47DEQpj8" },
        { "revoke", "revoke SHA256:47DEQpj8" },
        { "doctor", "doctor" },
        { "log", "log debug" },
        { "whoami", "whoami" },
        { "version", "version" },
        { "completion", "completion fish" },
        { "error", "down nobody" },
        { "error", "check mistakes.json" },
    };

    /// <summary>Runs a command line with <c>--json</c>; of a stream the first object.</summary>
    public static async Task<string> OutputAsync(string line)
    {
        await using var server = await FakeServer.StartAsync();
        var run = new CommandRun();
        Answer(server, run);
        server.File(
            "home.json",
            """{"TunnelAddress":"10.0.0.1","NetworkAddress":":8000","AllowedPorts":[22],"LogFile":"x","PacketMagic":"w"}"""
        );
        server.File(
            "office.json",
            """{"TunnelAddress":"10.0.1.2","NetworkAddress":"192.0.2.7:8000","AllowedPorts":[22],"PacketMagic":"w"}"""
        );
        server.File("dns.json", """{"Relay":"receiver","UdpAddress":":53","TcpAddress":":5353"}""");
        server.File(
            "mistakes.json",
            """{"TunnelAddress":"10.0.0.1","NetworkAddress":":8000","AllowedPorts":[22,70000]}"""
        );
        var words = line.Split(' ').Select(w => w.EndsWith(".json", StringComparison.Ordinal) ? server.File(w) : w);

        await run.RunAsync(server, [.. words, "--json"]);

        var first = run.Output.ToString().Split('\n')[0];
        return first.Replace(Path.GetDirectoryName(server.SocketPath)! + "/", "", StringComparison.Ordinal);
    }

    /// <summary>As a person reads it.</summary>
    public static string Pretty(string json)
    {
        using var document = JsonDocument.Parse(json);
        return JsonSerializer.Serialize(document.RootElement, Indented);
    }

    private static void Answer(FakeServer server, CommandRun run)
    {
        var daemon = server.Daemon;
        daemon.Has(Samples.Server());
        daemon.Has(RelaySamples.Receiver());
        daemon.Start = _ => Task.FromResult(new StartTunnelResponse { Tunnel = Samples.Server() });
        daemon.Stop = request =>
            request.Name == "home"
                ? Task.FromResult(new StopTunnelResponse { Tunnel = Samples.Server() })
                : throw FakeDaemon.Error(StatusCode.NotFound, "NO_SUCH_TUNNEL", $"there is no tunnel '{request.Name}'");
        daemon.Reload = request =>
            Task.FromResult(
                new ReloadTunnelResponse
                {
                    Applied = !request.DryRun,
                    Changes =
                    {
                        new Change
                        {
                            Field = "HeartbeatInterval",
                            Before = "30 s",
                            After = "5 s",
                        },
                    },
                }
            );
        daemon.ReloadRelay = request =>
            Task.FromResult(
                new ReloadRelayResponse
                {
                    Applied = !request.DryRun,
                    Changes =
                    {
                        new Change
                        {
                            Field = "MaxFlows",
                            Before = "10000",
                            After = "20000",
                        },
                    },
                }
            );
        daemon.Diagnose = _ =>
            Task.FromResult(
                new DiagnoseResponse
                {
                    Checks =
                    {
                        new Check
                        {
                            Id = "tun_device",
                            Result = CheckResult.Ok,
                            Message = "/dev/net/tun makes devices",
                        },
                        new Check
                        {
                            Id = "dns",
                            Subject = "home",
                            Result = CheckResult.Failure,
                            Message = "server.example does not resolve: Name or service not known",
                            Remedy = "getent ahosts server.example; cat /etc/resolv.conf",
                        },
                    },
                }
            );
        daemon.ReloadDirectory = request =>
            Task.FromResult(
                new ReloadDirectoryResponse
                {
                    Outcomes =
                    {
                        new FileOutcome
                        {
                            File = "/etc/udptunnel/tunnels.d/home.json",
                            Name = "home",
                            Action = FileAction.Change,
                            Applied = !request.DryRun,
                            Changes =
                            {
                                new Change
                                {
                                    Field = "AllowedPorts",
                                    Before = "22",
                                    After = "22, 80",
                                },
                            },
                        },
                    },
                }
            );
        daemon.UpdatePorts = _ =>
            Task.FromResult(
                new UpdatePortsResponse
                {
                    AllowedPorts =
                    {
                        new PortRange { First = 22, Last = 22 },
                        new PortRange { First = 80, Last = 80 },
                    },
                }
            );
        daemon.StartRelay = request =>
            Task.FromResult(
                new StartRelayResponse
                {
                    Relay = request.Configuration.Contains("receiver", StringComparison.Ordinal)
                        ? RelaySamples.WaitingReceiver()
                        : RelaySamples.PendingSender(),
                }
            );
        daemon.StopRelay = request =>
            request.Name == "dns"
                ? Task.FromResult(new StopRelayResponse { Relay = RelaySamples.Receiver(), RememberedSenders = 1 })
                : throw FakeDaemon.Error(StatusCode.NotFound, "NO_SUCH_RELAY", $"there is no relay '{request.Name}'");
        daemon.ListFlows = _ => Task.FromResult(new ListFlowsResponse { Flows = { RelaySamples.Flow(1) } });
        daemon.ListTunnelFlows = _ =>
            Task.FromResult(new ListTunnelFlowsResponse { Flows = { Samples.Flow() }, Total = 1 });
        daemon.ListTunnelPeers = _ =>
            Task.FromResult(new ListTunnelPeersResponse { Peers = { Samples.Laptop() }, Total = 1 });
        daemon.GetConfiguration = _ =>
            Task.FromResult(
                new GetConfigurationResponse
                {
                    Configuration =
                        "[Interface]\nPrivateKey = (hidden)\nAddress = 10.99.0.1/24\nListenPort = 51820\nMTU = 1420\n",
                }
            );
        daemon.ListSenders = _ => Task.FromResult(new ListSendersResponse { Senders = { RelaySamples.Sender() } });
        daemon.Approve = _ =>
            Task.FromResult(new ApproveSenderResponse { Sender = RelaySamples.Sender(SenderState.Connected) });
        daemon.Deny = _ => Task.FromResult(new DenySenderResponse { Sender = RelaySamples.Sender() });
        daemon.Revoke = _ =>
            Task.FromResult(new RevokeSenderResponse { Senders = { RelaySamples.Sender(SenderState.Approved) } });
        daemon.ApprovePeer = _ => Task.FromResult(new ApprovePeerResponse { Peers = { Samples.Laptop() } });
        daemon.Ping = _ =>
            Task.FromResult(
                new PingPeerResponse
                {
                    Peer = Reached(),
                    Address = "10.99.0.2",
                    RoundTrip = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(12.5)),
                    Mtu = 1420,
                }
            );
        daemon.InvitePeer = _ => Task.FromResult(Samples.Invited());
        daemon.AcceptKey = _ => Task.FromResult(new AcceptReceiverKeyResponse { Relay = RelaySamples.PendingSender() });
        daemon.SetLogLevel = r =>
            Task.FromResult(
                new SetLogLevelResponse
                {
                    Level = r.Level,
                    Until = Timestamp.FromDateTimeOffset(Samples.Now.AddMinutes(10)),
                }
            );
        daemon.WhoAmI = _ =>
            Task.FromResult(
                new WhoAmIResponse
                {
                    Uid = 1000,
                    Gid = 1000,
                    Pid = 4242,
                    Role = Role.Operate,
                    Reason = "uid 1000 is a member of the group udptunnel",
                }
            );
        daemon.GetDaemon = _ =>
            Task.FromResult(
                new GetDaemonResponse
                {
                    Version = ControlProgram.Version,
                    Pid = 812,
                    Started = At(-3),
                    Kernel = "6.12.0",
                    Runtime = ".NET 10.0.0",
                    Tunnels = 1,
                    Relays = 1,
                    StateDirectory = "/var/lib/udptunnel",
                }
            );
        var moved = new Event
        {
            Sequence = 7,
            Time = At(0),
            Kind = EventKind.PeerMoved,
            Level = EventLevel.Info,
            Tunnel = "home",
            Message = "the peer has moved from 198.51.100.1:50791 to 198.51.100.77:50791",
        };
        daemon.ListEvents = _ => Task.FromResult(new ListEventsResponse { Events = { moved } });
        daemon.WatchEvents = (_, writer, cancellation) =>
            OnceAsync(run, () => writer.WriteAsync(new() { Events = { moved } }), cancellation);
        daemon.WatchSenders = (_, writer, cancellation) =>
            OnceAsync(run, () => writer.WriteAsync(new() { Senders = { RelaySamples.Sender() } }), cancellation);
        daemon.Watch = (_, writer, cancellation) =>
            OnceAsync(
                run,
                () => writer.WriteAsync(new() { Time = At(0), Tunnels = { Samples.Server() } }),
                cancellation
            );
        daemon.Capture = (_, writer, cancellation) =>
            OnceAsync(run, () => writer.WriteAsync(Samples.Captured()), cancellation);
        daemon.Trace = _ => Task.FromResult(Samples.Traced());
        daemon.WatchRelays = (_, writer, cancellation) =>
            OnceAsync(
                run,
                () => writer.WriteAsync(new() { Time = At(0), Relays = { RelaySamples.Receiver() } }),
                cancellation
            );
    }

    private static Timestamp At(int hours) => Timestamp.FromDateTimeOffset(Samples.Now.AddHours(hours));

    /// <summary>One message; when it was shown, the user ends the stream.</summary>
    private static async Task OnceAsync(CommandRun run, Func<Task> write, CancellationToken cancellation)
    {
        await write();
        while (run.Output.Length == 0)
        {
            await Task.Delay(5, cancellation);
        }

        run.Interrupt!();
        await Task.Delay(Timeout.Infinite, cancellation);
    }

    /// <summary>A peer the path to whom is known.</summary>
    private static TunnelPeer Reached()
    {
        var peer = Samples.Laptop();
        (peer.PathMtu, peer.PacketMtu) = (1480, 1420);
        return peer;
    }
}
