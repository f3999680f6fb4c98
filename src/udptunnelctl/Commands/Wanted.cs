// SPDX-License-Identifier: BSD-3-Clause

using Grpc.Core;
using UdpTunnel.Cli.Daemon;
using UdpTunnel.Cli.Failures;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary>A tunnel or relay that shall run.</summary>
/// <param name="Name">Its name, always sent: the daemon does not see the name of a file, which is the default.</param>
/// <param name="Text">Its configuration.</param>
/// <param name="IsRelay">Which of both.</param>
/// <param name="IsEphemeral">Whether it is forgotten when the daemon ends.</param>
internal sealed record Wanted(string Name, string Text, bool IsRelay, bool IsEphemeral)
{
    private const string NameTaken = "NAME_TAKEN";

    /// <summary>Starts it.</summary>
    /// <exception cref="RpcException">The call failed; nothing is left behind.</exception>
    public async Task<Started> StartAsync(Invocation invocation, DaemonConnection daemon, TimeSpan limit)
    {
        var options = Invocation.Within(limit, invocation.Cancellation);
        if (IsRelay)
        {
            var request = new StartRelayRequest
            {
                Configuration = Text,
                Name = Name,
                Ephemeral = IsEphemeral,
            };
            var answer = await daemon.Relays.StartRelayAsync(request, options).ResponseAsync.ConfigureAwait(false);
            return new Started(StartResult.Started, null, answer.Relay ?? new Relay { Name = Name }, answer.Warnings);
        }
        else
        {
            var request = new StartTunnelRequest
            {
                Configuration = Text,
                Name = Name,
                Ephemeral = IsEphemeral,
            };
            var answer = await daemon.Tunnels.StartTunnelAsync(request, options).ResponseAsync.ConfigureAwait(false);
            return new Started(StartResult.Started, answer.Tunnel ?? new Tunnel { Name = Name }, null, answer.Warnings);
        }
    }

    /// <summary>Starts it, or finds that it runs already as it shall.</summary>
    /// <param name="invocation">The command.</param>
    /// <param name="daemon">Who starts it.</param>
    /// <param name="replace">Change what runs under its name, if that is another thing.</param>
    /// <param name="limit">How long the start may take.</param>
    /// <exception cref="RpcException">A call failed.</exception>
    /// <exception cref="CommandException">Something else runs under its name.</exception>
    public async Task<Started> EnsureAsync(Invocation invocation, DaemonConnection daemon, bool replace, TimeSpan limit)
    {
        try
        {
            return await StartAsync(invocation, daemon, limit).ConfigureAwait(false);
        }
        catch (RpcException e) when (ErrorDetails.Of(e).Reason == NameTaken)
        {
            var inventory = await Inventory
                .ReadAsync(daemon, Invocation.LookTimeout, invocation.Cancellation)
                .ConfigureAwait(false);
            if (inventory.Entries.FirstOrDefault(entry => entry.Name == Name) is not { } running)
            {
                // It has just gone.
                throw;
            }

            return await ReplaceAsync(invocation, daemon, running, replace, limit).ConfigureAwait(false);
        }
    }

    private async Task<Started> ReplaceAsync(
        Invocation invocation,
        DaemonConnection daemon,
        InventoryEntry running,
        bool replace,
        TimeSpan limit
    )
    {
        if (running.IsRelay != IsRelay || (running.IsEphemeral != IsEphemeral && running.File.Length == 0))
        {
            var what =
                running.IsRelay != IsRelay
                    ? $"is a {(running.IsRelay ? "relay" : "tunnel")}"
                    : $"{(running.IsEphemeral ? "does not start" : "starts")} again with the daemon";
            if (!replace)
            {
                throw Taken($"'{Name}' runs already, and {what}");
            }

            await running.StopAsync(invocation, daemon).ConfigureAwait(false);
            return await StartAsync(invocation, daemon, limit).ConfigureAwait(false) with
            {
                Result = StartResult.Restarted,
            };
        }

        var difference = await Difference.FindAsync(invocation, daemon, Name, this).ConfigureAwait(false);
        var result = StartResult.Unchanged;
        if (difference.Changes.Count > 0)
        {
            if (!replace)
            {
                var fields = string.Join(", ", difference.Changes.Select(c => c.Field).Distinct());
                throw Taken($"'{Name}' runs already, and differs in {fields}");
            }

            await FileNote.WarnAsync(invocation, running).ConfigureAwait(false);
            result = difference.NeedsRestart ? StartResult.Restarted : StartResult.Changed;
            _ = await difference.ApplyAsync(invocation, daemon, Name, this).ConfigureAwait(false);
        }

        var inventory = await Inventory
            .ReadAsync(daemon, Invocation.LookTimeout, invocation.Cancellation)
            .ConfigureAwait(false);
        return new Started(
            result,
            IsRelay ? null : inventory.Tunnels.FirstOrDefault(t => t.Name == Name) ?? new Tunnel { Name = Name },
            IsRelay ? inventory.Relays.FirstOrDefault(r => r.Name == Name) ?? new Relay { Name = Name } : null,
            difference.Warnings
        );
    }

    private static CommandException Taken(string message) =>
        new(ExitCode.Failed, "name_taken", message)
        {
            Advice =
                "'udptunnelctl up --replace' makes it as the file says, 'udptunnelctl reload' shows the difference "
                + "and asks, and --name takes another name.",
        };
}

/// <summary>What became of a tunnel or relay that shall run.</summary>
/// <param name="Result">What was done for it.</param>
/// <param name="Tunnel">How it is now; null for a relay.</param>
/// <param name="Relay">How it is now; null for a tunnel.</param>
/// <param name="Warnings">The daemon's remarks about the text.</param>
internal sealed record Started(StartResult Result, Tunnel? Tunnel, Relay? Relay, IReadOnlyList<Diagnostic> Warnings)
{
    /// <summary>The member <c>result</c> of a JSON object.</summary>
    public string Word =>
        Result switch
        {
            StartResult.Started => "started",
            StartResult.Changed => "changed",
            StartResult.Restarted => "restarted",
            _ => "unchanged",
        };

    /// <summary>A line about what was done, where it was no start.</summary>
    /// <param name="screen">Where it is shown.</param>
    /// <param name="name">The tunnel or relay.</param>
    public void Render(Screen screen, string name)
    {
        var line = Result switch
        {
            StartResult.Changed => $"{name} ran already and was changed while it runs.",
            StartResult.Restarted => $"{name} ran already, was changed and has restarted.",
            StartResult.Unchanged => $"{name} runs already as it shall; nothing was changed.",
            _ => "",
        };
        if (line.Length > 0)
        {
            screen.Paragraph(line);
        }
    }
}

/// <summary>What was done so that something runs.</summary>
internal enum StartResult
{
    /// <summary>It did not run.</summary>
    Started,

    /// <summary>It ran as it shall.</summary>
    Unchanged,

    /// <summary>It ran, and was changed while it runs.</summary>
    Changed,

    /// <summary>It ran, and had to restart.</summary>
    Restarted,
}
