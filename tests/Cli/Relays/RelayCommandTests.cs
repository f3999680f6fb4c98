// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using UdpTunnel.Config;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli.Relays;

public sealed class RelayCommandTests
{
    [Fact]
    public async Task A_receiver_is_started_from_options_with_a_name_made_of_them()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.StartRelay = _ =>
            Task.FromResult(new StartRelayResponse { Relay = RelaySamples.WaitingReceiver() });

        var run = await CommandRun.OfAsync(server, "relay", "receiver", "--udp", ":53", "--tcp", ":5353");

        Assert.Equal("", run.Error.ToString());
        Assert.Equal(0, run.ExitCode);
        var request = Assert.IsType<StartRelayRequest>(Assert.Single(server.Daemon.Requests));
        Assert.Equal("receiver-53", request.Name);
        Assert.False(request.Ephemeral);
        var configuration = Parse(request);
        Assert.Equal(UdpTunnel.Config.RelayRole.Receiver, configuration.Relay);
        Assert.Equal(":53", configuration.UdpAddress.ToString());
        Assert.Equal(RelayConfig.DefaultMaxFlows, configuration.MaxFlows);
        Assert.StartsWith("dns is up (waiting)\n", run.Output.ToString(), StringComparison.Ordinal);
        Assert.Contains($"own key   {RelaySamples.OtherKey}\n", run.Output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_option_of_a_sender_arrives()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.StartRelay = _ =>
            Task.FromResult(new StartRelayResponse { Relay = RelaySamples.PendingSender() });

        var run = await CommandRun.OfAsync(
            server,
            "relay",
            "sender",
            "--udp",
            "internal-dns.lan:53",
            "--tcp",
            "tunnel-server:5353",
            "--name",
            "inside",
            "--protocol",
            "tls",
            "--receiver-key",
            RelaySamples.Key,
            "--idle-timeout",
            "30",
            "--max-flows",
            "64",
            "--answers-from",
            "any",
            "--proxy-protocol",
            "v2-every",
            "--ephemeral",
            "--json"
        );

        Assert.Equal(0, run.ExitCode);
        var request = Assert.IsType<StartRelayRequest>(Assert.Single(server.Daemon.Requests));
        Assert.True(request.Ephemeral);
        var configuration = Parse(request);
        Assert.Equal("inside", configuration.Name);
        Assert.Equal(TimeSpan.FromSeconds(30), configuration.IdleTimeout);
        Assert.Equal(64, configuration.MaxFlows);
        Assert.Equal(RelaySamples.Key, configuration.ReceiverKey!.ToString());
        Assert.Equal(UdpTunnel.Config.AnswersFrom.Any, configuration.AnswersFrom);
        Assert.Equal(UdpTunnel.Config.ProxyProtocol.V2Every, configuration.ProxyProtocol);
        Assert.Equal("pending", run.Json.GetProperty("relay").GetProperty("state").GetString());
    }

    [Fact]
    public async Task A_receiver_is_told_who_may_be_a_client_and_how_much_one_may_send()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.StartRelay = _ => Task.FromResult(new StartRelayResponse { Relay = RelaySamples.Receiver() });

        var run = await CommandRun.OfAsync(
            server,
            "relay",
            "receiver",
            "--udp",
            ":53",
            "--tcp",
            ":5353",
            "--allowed-clients",
            "192.0.2.0/24",
            "--allowed-clients",
            "2001:db8::/32",
            "--client-flow-rate",
            "10",
            "--client-byte-rate",
            "125000"
        );

        Assert.Equal("", run.Error.ToString());
        var configuration = Parse(Assert.IsType<StartRelayRequest>(Assert.Single(server.Daemon.Requests)));
        Assert.Equal(["192.0.2.0/24", "2001:db8::/32"], configuration.AllowedClients.Select(n => n.ToString()));
        Assert.Equal((10, 125_000), (configuration.ClientFlowRate, configuration.ClientByteRate));
    }

    [Theory]
    [InlineData(nameof(RelayState.Pending), "waits until the receiver's user approves it", "Somebody has to let")]
    [InlineData(nameof(RelayState.Running), "", "nothing: datagrams flow")]
    [InlineData(nameof(RelayState.Connecting), "198.51.100.2:5353: connection refused", "The receiver does not answer")]
    [InlineData(nameof(RelayState.Refused), "the receiver shows another key than before", null)]
    public async Task A_sender_is_shown_as_its_first_attempt_leaves_it(string state, string problem, string? next)
    {
        await using var server = await FakeServer.StartAsync();
        var relay = RelaySamples.PendingSender();
        relay.State = RelayState.Connecting;
        server.Daemon.StartRelay = _ => Task.FromResult(new StartRelayResponse { Relay = relay });
        var looks = 0;
        server.Daemon.ListRelays = _ =>
        {
            var now = relay.Clone();
            if (++looks > 2)
            {
                (now.State, now.Problem) = (System.Enum.Parse<RelayState>(state), problem);
            }

            return Task.FromResult(new ListRelaysResponse { Relays = { now } });
        };

        var run = await CommandRun.OfAsync(server, "relay", "sender", "--udp", "a:53", "--tcp", "b:1");

        Assert.Equal("", run.Error.ToString());
        Assert.Equal(3, looks);
        var output = run.Output.ToString();
        Assert.StartsWith($"inside is up ({state.ToLowerInvariant()})\n", output, StringComparison.Ordinal);
        Assert.Equal(problem.Length > 0, output.Contains($"  problem   {problem}\n", StringComparison.Ordinal));
        Assert.Contains(next is null ? "with the daemon\n\n" : $"  next      {next}", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_sender_that_nobody_answers_is_not_waited_for_for_long()
    {
        await using var server = await FakeServer.StartAsync();
        var relay = RelaySamples.PendingSender();
        relay.State = RelayState.Connecting;
        server.Daemon.StartRelay = _ => Task.FromResult(new StartRelayResponse { Relay = relay });
        server.Daemon.ListRelays = _ => Task.FromResult(new ListRelaysResponse { Relays = { relay } });

        var run = await CommandRun.OfAsync(server, "relay", "sender", "--udp", "a:53", "--tcp", "b:1");

        Assert.Equal(0, run.ExitCode);
        Assert.StartsWith("inside is up (connecting)\n", run.Output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Up_does_not_wait_for_a_sender_for_longer_than_it_was_told()
    {
        await using var server = await FakeServer.StartAsync();
        var relay = RelaySamples.PendingSender();
        relay.State = RelayState.Connecting;
        server.Daemon.StartRelay = _ => Task.FromResult(new StartRelayResponse { Relay = relay });
        var looks = 0;
        server.Daemon.ListRelays = _ =>
        {
            looks++;
            return Task.FromResult(new ListRelaysResponse { Relays = { relay } });
        };
        var file = server.File("inside.json", """{"Relay": "sender", "UdpAddress": "a:53", "TcpAddress": "b:1"}""");

        var run = await CommandRun.OfAsync(server, "up", file, "--timeout", "100ms");

        Assert.Equal(0, run.ExitCode);
        Assert.InRange(looks, 0, 2);
    }

    [Theory]
    [InlineData("2m", 120)]
    [InlineData("90s", 90)]
    [InlineData("1.5m", 90)]
    [InlineData("120", 120)]
    [InlineData("1000ms", 1)]
    public async Task An_idle_timeout_is_a_duration_or_a_number_of_seconds(string text, int seconds)
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.StartRelay = _ => Task.FromResult(new StartRelayResponse { Relay = RelaySamples.Receiver() });

        var run = await CommandRun.OfAsync(
            server,
            "relay",
            "receiver",
            "--udp",
            ":53",
            "--tcp",
            ":5353",
            "--idle-timeout",
            text
        );

        Assert.Equal(0, run.ExitCode);
        var request = Assert.IsType<StartRelayRequest>(Assert.Single(server.Daemon.Requests));
        Assert.Equal(TimeSpan.FromSeconds(seconds), Parse(request).IdleTimeout);
    }

    [Fact]
    public async Task A_receiver_takes_a_port_alone_for_the_same_as_with_a_colon()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.StartRelay = _ => Task.FromResult(new StartRelayResponse { Relay = RelaySamples.Receiver() });

        await CommandRun.OfAsync(server, "relay", "receiver", "--udp", ":53", "--tcp", ":5353");
        await CommandRun.OfAsync(server, "relay", "receiver", "--udp", "53", "--tcp", "5353");

        Assert.Equal(2, server.Daemon.Requests.Count);
        Assert.Single(server.Daemon.Requests.Distinct());
    }

    [Theory]
    [InlineData("--udp: ", "relay receiver --udp 53x --tcp :5353")]
    [InlineData("--max-flows: ", "relay receiver --udp :53 --tcp :5353 --max-flows 0")]
    [InlineData("--allowed-clients: ", "relay receiver --udp :53 --tcp :5353 --allowed-clients 192.0.2.0/33")]
    [InlineData("--client-flow-rate: ", "relay receiver --udp :53 --tcp :5353 --client-flow-rate 0")]
    [InlineData("--client-byte-rate: ", "relay receiver --udp :53 --tcp :5353 --client-byte-rate 0")]
    [InlineData("--answers-from: ", "relay sender --udp a:53 --tcp b:1 --answers-from me")]
    [InlineData(
        "--receiver-key: ",
        "relay sender --udp a:53 --tcp b:1 --protocol classic --receiver-key " + RelaySamples.Key
    )]
    public async Task A_mistake_is_told_of_the_option_that_it_is_in(string option, string line)
    {
        var run = await new CommandRun().RunAsync(line.Split(' '));

        Assert.Equal(2, run.ExitCode);
        Assert.StartsWith($"udptunnelctl: {option}", run.Error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Up_starts_the_relay_of_a_file_under_its_name()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.StartRelay = _ => Task.FromResult(new StartRelayResponse { Relay = RelaySamples.Receiver() });
        var file = server.File("dns.json", """{"Relay": "receiver", "UdpAddress": ":53", "TcpAddress": ":5353"}""");

        var run = await CommandRun.OfAsync(server, "up", file);

        Assert.Equal(0, run.ExitCode);
        Assert.Equal("dns", Assert.IsType<StartRelayRequest>(Assert.Single(server.Daemon.Requests)).Name);
        Assert.StartsWith("dns is up (running)\n", run.Output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Down_finds_a_relay_where_no_tunnel_has_the_name()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.Stop = _ =>
            throw FakeDaemon.Error(StatusCode.NotFound, "NO_SUCH_TUNNEL", "there is no tunnel 'dns'");
        server.Daemon.StopRelay = request =>
            request.Name == "dns"
                ? Task.FromResult(new StopRelayResponse { Relay = RelaySamples.Receiver() })
                : throw FakeDaemon.Error(StatusCode.NotFound, "NO_SUCH_RELAY", "there is no such relay");
        server.Daemon.Has(RelaySamples.Receiver());

        var right = await CommandRun.OfAsync(server, "down", "dns");
        var wrong = await CommandRun.OfAsync(server, "down", "dsn");

        Assert.Equal(0, right.ExitCode);
        Assert.Equal(
            "dns is down\n  carried   to service 1.50 KiB, to clients 512 B\n  for       3 hours\n",
            right.Output.ToString()
        );
        Assert.Equal(5, wrong.ExitCode);
        Assert.StartsWith(
            "udptunnelctl: there is no tunnel or relay 'dsn'\nDid you mean 'dns'?",
            wrong.Error.ToString(),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Status_shows_tunnels_and_relays_and_who_waits()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.Has(Samples.Server());
        server.Daemon.Has(RelaySamples.WaitingReceiver());
        server.Daemon.ListSenders = _ =>
            Task.FromResult(new ListSendersResponse { Senders = { RelaySamples.Sender() } });

        var text = await CommandRun.OfAsync(server, "status");
        var json = await CommandRun.OfAsync(server, "status", "--json");

        Assert.StartsWith("home: running, up 3 hours\n", text.Output.ToString(), StringComparison.Ordinal);
        Assert.Contains("\n\ndns: waiting, up 3 hours\n", text.Output.ToString(), StringComparison.Ordinal);
        Assert.Contains($"udptunnelctl approve {RelaySamples.Key}\n", text.Output.ToString(), StringComparison.Ordinal);
        Assert.Equal(1, json.Json.GetProperty("relays")[0].GetProperty("pendingSenders").GetInt32());
        Assert.Equal("home", json.Json.GetProperty("tunnels")[0].GetProperty("name").GetString());
    }

    [Fact]
    public async Task The_status_of_one_relay_has_its_flows()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.Has(Samples.Server());
        server.Daemon.Has(RelaySamples.Receiver());
        server.Daemon.ListFlows = _ => Task.FromResult(new ListFlowsResponse { Flows = { RelaySamples.Flow(7) } });

        var text = await CommandRun.OfAsync(server, "status", "dns");
        var json = await CommandRun.OfAsync(server, "status", "dns", "--json");

        Assert.DoesNotContain("home", text.Output.ToString(), StringComparison.Ordinal);
        Assert.Contains("  198.51.100.9:5000 ", text.Output.ToString(), StringComparison.Ordinal);
        Assert.Equal(119, json.Json.GetProperty("flows")[0].GetProperty("packetsToClients").GetInt32());
        Assert.Empty(json.Json.GetProperty("tunnels").EnumerateArray());
    }

    [Fact]
    public async Task Stats_take_names_of_both_kinds()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.Has(Samples.Server());
        server.Daemon.Has(RelaySamples.Receiver());

        var run = await CommandRun.OfAsync(server, "stats", "dns", "home");

        Assert.StartsWith("home: running", run.Output.ToString(), StringComparison.Ordinal);
        Assert.Contains("\n\ndns: running", run.Output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Watching_a_relay_by_name_watches_nothing_else()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.Has(Samples.Server());
        server.Daemon.Has(RelaySamples.Receiver());
        var run = new CommandRun();
        server.Daemon.WatchRelays = async (_, writer, cancellation) =>
        {
            var now = Timestamp.FromDateTimeOffset(Samples.Now);
            await writer.WriteAsync(
                new WatchRelaysResponse { Time = now, Relays = { RelaySamples.Receiver() } },
                cancellation
            );
            await UntilAsync(() => run.Output.Length > 0, cancellation);
            run.Interrupt!();
            await Task.Delay(Timeout.Infinite, cancellation);
        };

        await run.RunAsync(server, "stats", "dns", "--watch");

        Assert.Equal("", run.Error.ToString());
        Assert.Equal(0, run.ExitCode);
        Assert.Empty(server.Daemon.Requests.OfType<WatchTunnelsRequest>());
        Assert.Equal(
            "12:00:00 dns out 8.19 kbit/s in 16.4 kbit/s flows 2 dropped 3",
            string.Join(' ', run.Output.ToString().Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries))
        );
    }

    [Fact]
    public async Task Senders_are_listed_with_key_address_relay_and_time()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.ListSenders = _ =>
            Task.FromResult(
                new ListSendersResponse
                {
                    Senders =
                    {
                        RelaySamples.Sender(SenderState.Approved, RelaySamples.OtherKey),
                        RelaySamples.Sender(),
                    },
                }
            );

        var text = await CommandRun.OfAsync(server, "senders");
        var json = await CommandRun.OfAsync(server, "senders", "dns", "--json");

        Assert.StartsWith(
            $"{RelaySamples.Key}: pending\n  address   192.0.2.7:40112\n  relay     dns\n  since     2026-03-04 11:57:00 (3 minutes ago)\n",
            text.Output.ToString(),
            StringComparison.Ordinal
        );
        Assert.Equal("dns", server.Daemon.Requests.OfType<ListSendersRequest>().Last().Relay);
        var sender = json.Json.GetProperty("senders")[1];
        Assert.Equal(RelaySamples.Key, sender.GetProperty("fingerprint").GetString());
        Assert.Equal("2026-03-04T11:57:00Z", sender.GetProperty("since").GetString());
    }

    [Fact]
    public async Task Following_the_senders_tells_each_change_until_the_user_ends_it()
    {
        await using var server = await FakeServer.StartAsync();
        var run = new CommandRun();
        server.Daemon.WatchSenders = async (_, writer, cancellation) =>
        {
            await writer.WriteAsync(new WatchSendersResponse { Senders = { RelaySamples.Sender() } }, cancellation);
            await writer.WriteAsync(
                new WatchSendersResponse { Senders = { RelaySamples.Sender(SenderState.Connected) } },
                cancellation
            );
            await UntilAsync(() => run.Output.ToString().Contains("connected", StringComparison.Ordinal), cancellation);
            run.Interrupt!();
            await Task.Delay(Timeout.Infinite, cancellation);
        };

        await run.RunAsync(server, "senders", "--follow", "--json");

        Assert.Equal(0, run.ExitCode);
        Assert.Equal(
            ["pending", "connected"],
            run.JsonLines.Select(l => l.GetProperty("senders")[0].GetProperty("state").GetString())
        );
    }

    [Fact]
    public async Task Decisions_name_the_sender_and_what_follows()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.Approve = r =>
            Task.FromResult(
                new ApproveSenderResponse
                {
                    Sender = RelaySamples.Sender(
                        SenderState.Connected,
                        r.Sender.StartsWith('S') ? RelaySamples.Key : ""
                    ),
                }
            );
        server.Daemon.Deny = _ => Task.FromResult(new DenySenderResponse { Sender = RelaySamples.Sender() });
        server.Daemon.Revoke = _ => Task.FromResult(new RevokeSenderResponse { Senders = { RelaySamples.Sender() } });

        var approve = await CommandRun.OfAsync(server, "approve", "SHA256:47DE");
        var once = await CommandRun.OfAsync(server, "approve", "SHA256:47DE", "--once");
        var classic = await CommandRun.OfAsync(server, "approve", "192.0.2.7:40112", "--json");
        var deny = await CommandRun.OfAsync(server, "deny", "47DE");
        var revoke = await CommandRun.OfAsync(server, "revoke", "47DE");

        Assert.StartsWith($"{RelaySamples.Key} is approved\n", approve.Output.ToString(), StringComparison.Ordinal);
        Assert.Contains("yes: it is let in", approve.Output.ToString(), StringComparison.Ordinal);
        Assert.Contains("no: this is for one connection", once.Output.ToString(), StringComparison.Ordinal);
        Assert.Equal("connected", classic.Json.GetProperty("sender").GetProperty("state").GetString());
        Assert.StartsWith($"{RelaySamples.Key} is denied\n", deny.Output.ToString(), StringComparison.Ordinal);
        Assert.StartsWith($"{RelaySamples.Key} is revoked\n", revoke.Output.ToString(), StringComparison.Ordinal);
        Assert.Equal([false, true, false], server.Daemon.Requests.OfType<ApproveSenderRequest>().Select(r => r.Once));
    }

    [Theory]
    [InlineData(StatusCode.NotFound, "NO_SUCH_SENDER", 5)]
    [InlineData(StatusCode.InvalidArgument, "AMBIGUOUS_SENDER", 2)]
    [InlineData(StatusCode.FailedPrecondition, "SENDER_NOT_PENDING", 1)]
    public async Task A_sender_that_cannot_be_approved_is_told_with_what_to_do(
        StatusCode code,
        string reason,
        int exitCode
    )
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.Approve = _ => throw FakeDaemon.Error(code, reason, "it is so");

        var run = await CommandRun.OfAsync(server, "approve", "x");

        Assert.Equal(exitCode, run.ExitCode);
        Assert.StartsWith("udptunnelctl: it is so\n", run.Error.ToString(), StringComparison.Ordinal);
        Assert.Contains("'udptunnelctl senders'", run.Error.ToString().Replace('\n', ' '), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_new_key_is_accepted_in_full_and_in_its_canonical_form()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.AcceptKey = _ =>
            Task.FromResult(new AcceptReceiverKeyResponse { Relay = RelaySamples.PendingSender() });

        var run = await CommandRun.OfAsync(server, "relay", "accept-key", "inside", RelaySamples.Key.TrimEnd('='));

        Assert.Equal(0, run.ExitCode);
        var request = Assert.IsType<AcceptReceiverKeyRequest>(Assert.Single(server.Daemon.Requests));
        Assert.Equal(("inside", RelaySamples.Key), (request.Name, request.Fingerprint));
    }

    private static RelayConfig Parse(StartRelayRequest request) =>
        Assert.IsType<RelayConfig>(
            ConfigFile.Parse(Encoding.UTF8.GetBytes(request.Configuration), defaultName: null).Configuration
        );

    private static async Task UntilAsync(Func<bool> condition, CancellationToken cancellation)
    {
        while (!condition())
        {
            await Task.Delay(5, cancellation);
        }
    }
}
