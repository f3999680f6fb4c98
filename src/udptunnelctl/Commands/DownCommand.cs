// SPDX-License-Identifier: BSD-3-Clause

using Cocona;
using Grpc.Core;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Daemon;
using UdpTunnel.Cli.Output;
using UdpTunnel.Cli.Output.Relays;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>down</c>: stops tunnels and relays and forgets them.</summary>
internal sealed class DownCommand(Invocation invocation)
{
    [Command(
        Description = "Stop tunnels and relays and forget them. Device, sockets and firewall table are gone when it "
            + "returns. One that a file of the daemon's directory describes comes back with the next reload or start. "
            + "Senders that were approved at a relay stay so for a relay of its name; 'revoke' forgets them."
    )]
    [Example("udptunnelctl down home")]
    [Example("udptunnelctl down home office")]
    [Example("udptunnelctl down --all")]
    public async Task RunAsync(
        [Argument("NAME", Description = "Name of a tunnel or relay"), CompletedFrom(CompletionSource.TunnelsAndRelays)]
            string[]? names,
        [Option("all", Description = "Every tunnel and relay, in place of names")] bool all
    )
    {
        IEnumerable<string> stopped = names ?? [];
        if (stopped.Any() == all)
        {
            throw UsageFailure.Usage(
                all ? "--all stands in place of names" : "NAME is missing",
                "See 'udptunnelctl down --help'."
            );
        }

        var daemon = await invocation.ConnectAsync().ConfigureAwait(false);
        if (all)
        {
            var inventory = await Inventory
                .ReadAsync(daemon, Invocation.LookTimeout, invocation.Cancellation)
                .ConfigureAwait(false);
            stopped = inventory.Names;
            if (!stopped.Any() && !invocation.Json)
            {
                invocation.Print(invocation.NewScreen().Line("Nothing runs."));
            }
        }

        await invocation.ForEachAsync(stopped.Distinct(), name => StopAsync(daemon, name)).ConfigureAwait(false);
    }

    private async Task StopAsync(DaemonConnection daemon, string name)
    {
        invocation.Names = [name];
        Tunnel tunnel;
        try
        {
            var answer = await daemon
                .Tunnels.StopTunnelAsync(new StopTunnelRequest { Name = name }, invocation.ChangeCall)
                .ResponseAsync.ConfigureAwait(false);
            tunnel = answer.Tunnel ?? new Tunnel { Name = name };
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.NotFound)
        {
            // One name space: it may be a relay's.
            if (await StopRelayAsync(daemon, name).ConfigureAwait(false) is { } answer)
            {
                await ShowAsync(daemon, answer).ConfigureAwait(false);
                return;
            }

            throw;
        }

        await ShowAsync(daemon, tunnel).ConfigureAwait(false);
    }

    /// <returns>Null if the daemon does not know relays.</returns>
    private async Task<StopRelayResponse?> StopRelayAsync(DaemonConnection daemon, string name)
    {
        try
        {
            var answer = await daemon
                .Relays.StopRelayAsync(new StopRelayRequest { Name = name }, invocation.ChangeCall)
                .ResponseAsync.ConfigureAwait(false);
            answer.Relay ??= new Relay { Name = name };
            return answer;
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.NotFound)
        {
            var inventory = await Inventory
                .ReadAsync(daemon, Invocation.LookTimeout, invocation.Cancellation)
                .ConfigureAwait(false);
            throw inventory.NoSuchName(name);
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Unimplemented)
        {
            return null;
        }
    }

    /// <summary>
    /// A file of the daemon's directory that describes what a command had started, and so did not count until now;
    /// empty if there is none.
    /// </summary>
    private async Task<string> FileOfAsync(DaemonConnection daemon, string name)
    {
        try
        {
            var answer = await daemon
                .Daemon.ReloadDirectoryAsync(new ReloadDirectoryRequest { DryRun = true }, invocation.LookCall)
                .ResponseAsync.ConfigureAwait(false);
            return answer.Outcomes.FirstOrDefault(f => f.Name == name && f.Action == FileAction.Start)?.File ?? "";
        }
        catch (RpcException)
        {
            // A courtesy: it is down.
            return "";
        }
    }

    private async Task ShowAsync(DaemonConnection daemon, Tunnel tunnel)
    {
        if (invocation.Json)
        {
            invocation.PrintJson(writer => TunnelJson.Write(writer, "tunnel", tunnel));
            return;
        }

        var counters = tunnel.Counters ?? new Counters();
        Show(
            invocation,
            tunnel.Name,
            $"out {Quantity.Bytes(counters.BytesOut)}, in {Quantity.Bytes(counters.BytesIn)}",
            TimeText.Of(tunnel.Started),
            tunnel.File.Length > 0 ? tunnel.File : await FileOfAsync(daemon, tunnel.Name).ConfigureAwait(false)
        );
    }

    private async Task ShowAsync(DaemonConnection daemon, StopRelayResponse answer)
    {
        var relay = answer.Relay;
        if (invocation.Json)
        {
            invocation.PrintJson(writer =>
            {
                RelayJson.Write(writer, "relay", relay);
                writer.WriteNumber("rememberedSenders", answer.RememberedSenders);
            });
            return;
        }

        var counters = relay.Counters ?? new RelayCounters();
        Show(
            invocation,
            relay.Name,
            $"to service {Quantity.Bytes(counters.BytesToService)}, to clients {Quantity.Bytes(counters.BytesToClients)}",
            TimeText.Of(relay.Started),
            relay.File.Length > 0 ? relay.File : await FileOfAsync(daemon, relay.Name).ConfigureAwait(false),
            Remembered(answer.RememberedSenders)
        );
    }

    private static string? Remembered(uint senders) =>
        senders switch
        {
            0 => null,
            1 => "1 approved sender stays so for a relay of this name; 'udptunnelctl revoke' forgets it",
            _ => $"{Quantity.Count(senders)} approved senders stay so for a relay of this name; "
                + "'udptunnelctl revoke' forgets them",
        };

    private static void Show(
        Invocation invocation,
        string name,
        string carried,
        DateTimeOffset? started,
        string file,
        string? remembered = null
    )
    {
        var screen = invocation.NewScreen();
        screen.Text(TerminalText.Fit(name, 64), Style.Strong).Line(" is down");
        screen.Field("carried", carried);
        if (started is { } time)
        {
            screen.Field("for", TimeInWords.Length(invocation.Host.Time.GetUtcNow() - time));
        }

        if (remembered is not null)
        {
            screen.Field("senders", remembered);
        }

        if (file.Length > 0)
        {
            screen.Field(
                "file",
                $"{file} describes it: it comes back with the next 'udptunnelctl reload --all' or start of the daemon, "
                    + "unless the file is moved out of that directory"
            );
        }

        invocation.Print(screen);
    }
}
