// SPDX-License-Identifier: BSD-3-Clause

using Grpc.Core;
using UdpTunnel.Tests.Api.Daemon;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Api;

/// <summary>
/// A daemon whose machine refuses something, or whose directories are damaged: it serves all the same and says what is
/// wrong.
/// </summary>
public sealed class SurroundingsTests
{
    private const int MaxTunnels = 1024;

    /// <summary>The daemon's user stays root; the kernel's checks are about capabilities.</summary>
    private static readonly string[] WithoutNetAdmin =
    [
        "/usr/bin/setpriv",
        "--bounding-set=-net_admin",
        "--inh-caps=-net_admin",
    ];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Without_CAP_NET_ADMIN_no_tunnel_starts()
    {
        // An ordinary user has no capability anyway.
        await using var daemon = await DaemonProcess.StartAsync(
            new DaemonSetup { Through = Environment.IsPrivilegedProcess ? WithoutNetAdmin : [] }
        );

        Assert.Contains(
            "CAP_NET_ADMIN",
            (await StartFailureAsync(daemon)).Is(StatusCode.FailedPrecondition, "DAEMON_LACKS_PRIVILEGE").Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_port_below_1024_needs_a_privilege()
    {
        Requirements.Tun();
        await using var daemon = await DaemonProcess.StartAsync(
            new DaemonSetup
            {
                Through = ["/usr/bin/setpriv", "--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service"],
            }
        );
        var request = new StartTunnelRequest
        {
            Name = "low",
            Configuration = """{"TunnelAddress": "10.0.0.1", "NetworkAddress": ":53", "AllowedPorts": [22]}""",
        };

        Assert.Contains(
            "CAP_NET_BIND_SERVICE",
            (await Failure.OfAsync(daemon.Channel.Tunnels.StartTunnelAsync(request, cancellationToken: Cancellation)))
                .Is(StatusCode.FailedPrecondition, "DAEMON_LACKS_PRIVILEGE")
                .Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Without_the_TUN_driver_no_tunnel_starts()
    {
        Requirements.Tun();
        await using var daemon = await DaemonProcess.StartAsync(
            new DaemonSetup { Before = "mount -t tmpfs none /dev/net" }
        );

        Assert.Contains(
            "modprobe tun",
            (await StartFailureAsync(daemon)).Is(StatusCode.FailedPrecondition, "TUN_UNAVAILABLE").Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task A_firewall_that_is_refused_leaves_no_tunnel_unguarded()
    {
        Requirements.Tun();
        Requirements.Program("/usr/sbin/nft", "nftables");

        // A table of the same name that is somebody else's.
        await using var daemon = await DaemonProcess.StartAsync(
            new DaemonSetup { Before = "/usr/sbin/nft add table inet udptunnel_fw0" }
        );

        var failure = await StartFailureAsync(daemon, ", \"Firewall\": true, \"TunnelDevice\": \"fw0\"");

        Assert.Contains(
            "udptunnel_fw0",
            failure.Is(StatusCode.FailedPrecondition, "FIREWALL_REFUSED").Message,
            StringComparison.Ordinal
        );
        Assert.Equal(
            "x",
            (
                await daemon.Channel.Tunnels.StartTunnelAsync(
                    Configurations.Start("x", 1, ", \"TunnelDevice\": \"fw0\""),
                    cancellationToken: Cancellation
                )
            )
                .Tunnel
                .Name
        );
    }

    [Fact]
    public async Task A_firewall_table_is_there_exactly_as_long_as_its_tunnel()
    {
        Requirements.Tun();
        Requirements.Program("/usr/sbin/nft", "nftables");
        Requirements.Program("/usr/bin/nsenter", "util-linux");
        await using var daemon = await DaemonProcess.StartAsync();
        var tunnels = daemon.Channel.Tunnels;
        var answer = await tunnels.StartTunnelAsync(
            Configurations.Start("guarded", 1, ", \"Firewall\": true, \"TunnelDevice\": \"fw-0.1\""),
            cancellationToken: Cancellation
        );
        Assert.True(answer.Tunnel.Firewall);
        Assert.Contains("elements = { 22, 8000-8010 }", await TablesAsync(), StringComparison.Ordinal);

        await tunnels.UpdatePortsAsync(
            new UpdatePortsRequest
            {
                Name = "guarded",
                Deny =
                {
                    new PortRange { First = 8000, Last = 65535 },
                },
            },
            cancellationToken: Cancellation
        );
        Assert.Contains("elements = { 22 }", await TablesAsync(), StringComparison.Ordinal);

        await tunnels.StopTunnelAsync(new StopTunnelRequest { Name = "guarded" }, cancellationToken: Cancellation);
        Assert.Equal("", await TablesAsync());

        async Task<string> TablesAsync()
        {
            var (exitCode, output, errors) = await ChildProcess.RunAsync(
                "/usr/bin/nsenter",
                "--net",
                $"--target={daemon.Process.Id}",
                "/usr/sbin/nft",
                "list",
                "ruleset"
            );
            Assert.True(exitCode == 0, errors);
            return output;
        }
    }

    [Fact]
    public async Task A_state_directory_that_cannot_be_written_refuses_all_but_ephemeral_tunnels()
    {
        Requirements.Tun();
        await using var daemon = await DaemonProcess.StartAsync();
        await daemon.Channel.Tunnels.StartTunnelAsync(Configurations.Start("old", 2), cancellationToken: Cancellation);
        await daemon.StopAsync();
        await daemon.RestartAsync(
            new DaemonSetup
            {
                Before =
                    $"mount --bind {daemon.StateDirectory} {daemon.StateDirectory}; mount -o remount,bind,ro {daemon.StateDirectory}",
            }
        );
        var tunnels = daemon.Channel.Tunnels;

        (await StartFailureAsync(daemon)).Is(StatusCode.FailedPrecondition, "STATE_NOT_WRITABLE");
        (
            await Failure.OfAsync(
                tunnels.StopTunnelAsync(new StopTunnelRequest { Name = "old" }, cancellationToken: Cancellation)
            )
        ).Is(StatusCode.FailedPrecondition, "STATE_NOT_WRITABLE");
        (
            await Failure.OfAsync(
                tunnels.UpdatePortsAsync(
                    new UpdatePortsRequest
                    {
                        Name = "old",
                        Allow =
                        {
                            new PortRange { First = 1, Last = 1 },
                        },
                    },
                    cancellationToken: Cancellation
                )
            )
        ).Is(StatusCode.FailedPrecondition, "STATE_NOT_WRITABLE");

        var request = Configurations.Start("kept-in-memory", 1);
        request.Ephemeral = true;
        await tunnels.StartTunnelAsync(request, cancellationToken: Cancellation);
        var all = (await tunnels.ListTunnelsAsync(new ListTunnelsRequest(), cancellationToken: Cancellation)).Tunnels;
        Assert.Equal(["kept-in-memory", "old"], all.Select(t => t.Name));
        Assert.All(all, t => Assert.Equal(TunnelState.Waiting, t.State));
        Assert.DoesNotContain(all[1].AllowedPorts, r => r.First == 1);
    }

    [Fact]
    public async Task The_most_tunnels_are_listed_and_one_more_is_refused()
    {
        await using var daemon = await DaemonProcess.StartAsync(
            new DaemonSetup
            {
                // None of them can start, so that there are no 1024 devices.
                Through = Environment.IsPrivilegedProcess ? WithoutNetAdmin : [],
                StoredTunnels = Enumerable
                    .Range(0, MaxTunnels)
                    .ToDictionary(i => $"t{i:0000}", _ => Configurations.Client(1)),
            }
        );

        (await StartFailureAsync(daemon)).Is(StatusCode.ResourceExhausted, "LIMIT_REACHED");

        var tunnels = (
            await daemon.Channel.Tunnels.ListTunnelsAsync(new ListTunnelsRequest(), cancellationToken: Cancellation)
        ).Tunnels;
        Assert.Equal(Enumerable.Range(0, MaxTunnels).Select(i => $"t{i:0000}"), tunnels.Select(t => t.Name));
        Assert.All(tunnels, t =>
        {
            Assert.Equal(TunnelState.Failed, t.State);
            Assert.Contains("CAP_NET_ADMIN", t.Problem, StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task A_damaged_state_file_is_set_aside_and_told_and_the_rest_starts()
    {
        Requirements.Tun();
        await using var daemon = await DaemonProcess.StartAsync(
            new DaemonSetup
            {
                StoredTunnels = new Dictionary<string, string>
                {
                    ["broken"] = "{\"TunnelAddress\": ",
                    ["good"] = Configurations.Server(1),
                },
            }
        );

        Assert.Equal(
            ["good"],
            (
                await daemon.Channel.Tunnels.ListTunnelsAsync(new ListTunnelsRequest(), cancellationToken: Cancellation)
            ).Tunnels.Select(t => t.Name)
        );
        var damaged = Assert.Single(await EventsAsync(daemon), e => e.Kind == EventKind.StateDamaged);
        var file = Path.Combine(daemon.StateDirectory, "tunnels", "broken.json");
        Assert.Equal(EventLevel.Error, damaged.Level);
        Assert.Contains(file, damaged.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(file));
        Assert.Equal("{\"TunnelAddress\": ", await File.ReadAllTextAsync(file + ".damaged", Cancellation));
    }

    [Fact]
    public async Task The_administrator_s_files_start_and_a_mistake_is_told_with_its_place()
    {
        Requirements.Tun();
        await using var daemon = await DaemonProcess.StartAsync(
            new DaemonSetup
            {
                ConfigurationFiles = new Dictionary<string, string>
                {
                    ["wrong"] = "{\n\"Mtu\": 1}",
                    ["right"] = Configurations.Server(1),
                },
            }
        );

        var tunnel = Assert.Single(
            (
                await daemon.Channel.Tunnels.ListTunnelsAsync(new ListTunnelsRequest(), cancellationToken: Cancellation)
            ).Tunnels
        );
        Assert.Equal("right", tunnel.Name);
        Assert.Contains(await EventsAsync(daemon), e =>
            e is { Kind: EventKind.TunnelFailed, Level: EventLevel.Error, Tunnel: "wrong" }
            && e.Message.Contains("wrong.json:2:8: Mtu: ", StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task The_directory_that_it_is_started_in_and_settings_of_other_programs_mean_nothing_to_it()
    {
        const string Address = "http://127.0.0.1:0";
        using var directory = new TemporaryDirectory();
        Directory.CreateDirectory(directory["below"]);
        await File.WriteAllTextAsync(
            directory["appsettings.json"],
            $$"""{ "Kestrel": { "Endpoints": { "Other": { "Url": "{{Address}}" } } } }""",
            Cancellation
        );
        await using var daemon = await DaemonProcess.StartAsync(
            new DaemonSetup
            {
                Through =
                [
                    "/usr/bin/env",
                    $"--chdir={directory.Path}",
                    $"ASPNETCORE_URLS={Address}",
                    $"URLS={Address}",
                ],
            }
        );

        var process = $"/proc/{daemon.Process.Id}";
        var open = Directory.GetFiles($"{process}/fd").Select(NameOf).ToHashSet();
        Assert.DoesNotContain("anon_inode:inotify", open);

        // Of the sockets of its namespace those that listen and are its own: the tenth column is the inode.
        const string Listens = "0A";
        var listening = File.ReadLines($"{process}/net/tcp")
            .Skip(1)
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(words => words[3] == Listens && open.Contains($"socket:[{words[9]}]"));
        Assert.Empty(listening);

        static string? NameOf(string descriptor)
        {
            try
            {
                return File.ResolveLinkTarget(descriptor, returnFinalTarget: false)?.Name;
            }
            catch (IOException)
            {
                // Closed meanwhile.
                return null;
            }
        }
    }

    private static async Task<IEnumerable<Event>> EventsAsync(DaemonProcess daemon) =>
        (await daemon.Channel.Events.ListEventsAsync(new ListEventsRequest(), cancellationToken: Cancellation)).Events;

    private static Task<Failure> StartFailureAsync(DaemonProcess daemon, string more = "") =>
        Failure.OfAsync(
            daemon.Channel.Tunnels.StartTunnelAsync(Configurations.Start("x", 1, more), cancellationToken: Cancellation)
        );
}
