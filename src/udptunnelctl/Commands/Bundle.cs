// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Grpc.Core;
using UdpTunnel.Cli.Daemon;
using UdpTunnel.Cli.Failures;
using UdpTunnel.Cli.Output;
using UdpTunnel.Cli.Output.Relays;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary>
/// A report for whoever helps to find a fault: what the daemon says of itself and what this host says of its network.
/// It has addresses and public keys, and no secret: none is asked for, and what looks like one is taken out
/// (<see cref="Secrets"/>).
/// </summary>
internal sealed class Bundle(Invocation invocation)
{
    private const int MostOutput = 1024 * 1024;

    private static readonly TimeSpan CommandPatience = TimeSpan.FromSeconds(10);

    /// <summary>Programs of this host. Those that are missing or refuse say so in the report.</summary>
    private static readonly string[][] Programs =
    [
        ["uname", "-a"],
        ["ip", "-details", "address"],
        ["ip", "-statistics", "-statistics", "link"],
        ["ip", "rule"],
        ["ip", "-6", "rule"],
        ["ip", "route", "show", "table", "all"],
        ["ip", "-6", "route", "show", "table", "all"],
        ["ss", "-Hulnp"],
        ["nft", "list", "ruleset"],
        ["systemctl", "show", "udptunneld.service", "--property=ActiveState,SubState,Result,NRestarts,ExecMainStatus"],
        ["journalctl", "--unit=udptunneld", "--lines=500", "--no-pager", "--output=short-iso"],
    ];

    private static readonly string[] Files =
    [
        "/etc/os-release",
        "/proc/sys/net/core/rmem_max",
        "/proc/sys/net/core/wmem_max",
        "/proc/sys/net/core/netdev_max_backlog",
        "/proc/sys/net/ipv4/ip_forward",
        "/proc/sys/net/ipv4/ip_local_port_range",
        "/proc/sys/net/ipv4/ip_no_pmtu_disc",
        "/proc/sys/net/ipv4/tcp_mtu_probing",
        "/proc/sys/net/ipv4/tcp_ecn",
        "/proc/sys/net/ipv4/conf/all/rp_filter",
        "/proc/sys/net/ipv4/conf/default/rp_filter",
        "/proc/sys/net/ipv6/conf/all/forwarding",
        "/proc/sys/net/ipv6/conf/all/disable_ipv6",
        "/proc/sys/net/netfilter/nf_conntrack_count",
        "/proc/sys/net/netfilter/nf_conntrack_max",
        "/proc/sys/net/netfilter/nf_conntrack_udp_timeout",
        "/proc/sys/net/netfilter/nf_conntrack_udp_timeout_stream",
        "/proc/net/snmp",
    ];

    private readonly StringBuilder _text = new();

    /// <summary>Collects everything. What cannot be had stands in the report with the reason.</summary>
    /// <param name="checks">What doctor has found.</param>
    public async Task<string> CollectAsync(IEnumerable<Check> checks)
    {
        Begin("udptunnel");
        Line($"time          {invocation.Host.Time.GetUtcNow():yyyy-MM-dd'T'HH:mm:ss'Z'}");
        Line($"udptunnelctl  {ControlProgram.Version}");
        Line($"daemon at     {invocation.Place.Name}");
        Begin("doctor");
        var screen = new Screen(colour: false);
        CheckView.Render(screen, [.. checks]);
        _text.Append(screen);
        try
        {
            await AskAsync(await invocation.ConnectAsync().ConfigureAwait(false)).ConfigureAwait(false);
        }
        catch (CommandException e)
        {
            Line($"(the daemon cannot be asked: {e.Message})");
        }

        if (invocation.Place.Host is { } host)
        {
            Line($"(the other host is not looked at: run this command at {host})");
        }
        else
        {
            await LookAroundAsync().ConfigureAwait(false);
        }

        return Secrets.TakeOut(_text.ToString());
    }

    private async Task AskAsync(DaemonConnection daemon)
    {
        await AskAsync("daemon", async () =>
            {
                var about = await daemon
                    .Daemon.GetDaemonAsync(new GetDaemonRequest(), invocation.LookCall)
                    .ResponseAsync.ConfigureAwait(false);
                Json(writer =>
                {
                    writer.WriteString("version", about.Version);
                    writer.WriteNumber("pid", about.Pid);
                    writer.WriteTime("started", TimeText.Of(about.Started));
                    writer.WriteString("kernel", about.Kernel);
                    writer.WriteString("runtime", about.Runtime);
                });
            })
            .ConfigureAwait(false);
        var names = new List<string>();
        await AskAsync("status", async () =>
            {
                var all = await Inventory
                    .ReadAsync(daemon, Invocation.LookTimeout, invocation.Cancellation)
                    .ConfigureAwait(false);
                names.AddRange(all.Names);
                foreach (var tunnel in all.Tunnels)
                {
                    Json(writer => TunnelJson.Write(writer, "tunnel", tunnel));
                }

                foreach (var relay in all.Relays)
                {
                    Json(writer => RelayJson.Write(writer, "relay", relay));
                }
            })
            .ConfigureAwait(false);
        await AskAsync("senders", async () =>
            {
                var answer = await daemon
                    .Relays.ListSendersAsync(new ListSendersRequest(), invocation.LookCall)
                    .ResponseAsync.ConfigureAwait(false);
                Json(writer => SenderJson.WriteAll(writer, "senders", answer.Senders));
            })
            .ConfigureAwait(false);
        foreach (var name in names)
        {
            await AskAsync($"configuration of {name}", async () =>
                {
                    var request = new GetConfigurationRequest { Name = name };
                    var answer = await daemon
                        .Daemon.GetConfigurationAsync(request, invocation.LookCall)
                        .ResponseAsync.ConfigureAwait(false);
                    Line(answer.Configuration);
                })
                .ConfigureAwait(false);
        }

        await AskAsync("events", async () =>
            {
                var answer = await daemon
                    .Events.ListEventsAsync(new ListEventsRequest(), invocation.LookCall)
                    .ResponseAsync.ConfigureAwait(false);
                foreach (var happened in answer.Events)
                {
                    Json(writer => EventJson.WriteMembers(writer, happened));
                }
            })
            .ConfigureAwait(false);
    }

    private async Task AskAsync(string heading, Func<Task> ask)
    {
        Begin(heading);
        try
        {
            await ask().ConfigureAwait(false);
        }
        catch (RpcException e)
        {
            Line($"({RpcFailure.Translate(e, invocation.Place.Name, invocation.Service).Message})");
        }
    }

    private async Task LookAroundAsync()
    {
        foreach (var file in Files)
        {
            Begin(file);
            try
            {
                Line((await File.ReadAllTextAsync(file, invocation.Cancellation).ConfigureAwait(false)).TrimEnd());
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                Line($"({e.Message})");
            }
        }

        foreach (var words in Programs)
        {
            Begin(string.Join(' ', words));
            Line(await OutputOfAsync(words).ConfigureAwait(false));
        }
    }

    private async Task<string> OutputOfAsync(string[] words)
    {
        var start = new ProcessStartInfo(words[0], words.Skip(1))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        // Where administrators' programs are, which an ordinary user's PATH need not have.
        var path = Environment.GetEnvironmentVariable("PATH");
        start.Environment["PATH"] = $"{path}:/usr/sbin:/sbin";
        start.Environment["LC_ALL"] = "C";
        start.FileName = Find(words[0], start.Environment["PATH"]!);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(invocation.Cancellation);
        patience.CancelAfter(CommandPatience);
        try
        {
            using var process = Process.Start(start)!;
            try
            {
                var error = ReadAsync(process.StandardError, patience.Token);
                var output = await ReadAsync(process.StandardOutput, patience.Token).ConfigureAwait(false);
                await process.WaitForExitAsync(patience.Token).ConfigureAwait(false);
                return $"{output}{await error.ConfigureAwait(false)}".TrimEnd();
            }
            catch (OperationCanceledException)
            {
                process.Kill();
                invocation.Cancellation.ThrowIfCancellationRequested();
                return string.Create(
                    CultureInfo.InvariantCulture,
                    $"(it did not end within {CommandPatience.TotalSeconds} s)"
                );
            }
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return $"({e.Message})";
        }
    }

    private static string Find(string name, string path) =>
        path.Split(':')
            .Where(directory => directory.StartsWith('/'))
            .Select(directory => Path.Combine(directory, name))
            .FirstOrDefault(File.Exists)
        ?? $"/usr/bin/{name}";

    /// <summary>Reads to the end, and keeps so much of it as anybody reads.</summary>
    private static async Task<string> ReadAsync(StreamReader reader, CancellationToken cancellation)
    {
        var kept = new StringBuilder();
        var buffer = new char[8192];
        while (await reader.ReadAsync(buffer, cancellation).ConfigureAwait(false) is > 0 and var count)
        {
            kept.Append(buffer, 0, Math.Min(count, MostOutput - kept.Length));
        }

        return kept.ToString();
    }

    private void Begin(string heading) => _text.Append(CultureInfo.InvariantCulture, $"\n===== {heading}\n");

    private void Line(string line) => _text.Append(line).Append('\n');

    private void Json(Action<Utf8JsonWriter> members)
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture);
        JsonOutput.Write(text, members);
        _text.Append(text);
    }
}
