// SPDX-License-Identifier: BSD-3-Clause

using Cocona;
using Grpc.Core;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Daemon;
using UdpTunnel.Cli.Failures;
using UdpTunnel.Config;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>apply</c>: makes what runs as files say; done twice, the second time changes nothing.</summary>
internal sealed class ApplyCommand(Invocation invocation)
{
    [Command(
        Description = "Make what runs as files say: start what is missing, change what differs, leave the rest alone. "
            + "Done again, it changes nothing. Without a file it applies the daemon's own directory."
    )]
    [Example("udptunnelctl apply home.json office.json")]
    [Example("udptunnelctl apply /srv/tunnels --prune --yes")]
    [Example("udptunnelctl apply /srv/tunnels --dry-run --json")]
    public async Task RunAsync(
        [Argument("CONFIG.json", Description = "A configuration, a file of wg-quick, or a directory with some")]
        [CompletedFrom(CompletionSource.Files)]
            string[]? files,
        [Option("prune", Description = "Stop everything else that a command started")] bool prune,
        [Option("dry-run", Description = "Only show what would be done")] bool dryRun,
        [Option("yes", ['y'], Description = "Do not ask, even if something that runs has to restart or stop")] bool yes
    )
    {
        if (files is not { Length: > 0 })
        {
            if (prune)
            {
                throw UsageFailure.Usage(
                    "--prune needs the files that say what is to stay",
                    "See 'udptunnelctl apply --help'."
                );
            }

            await ReloadAll.RunAsync(invocation, dryRun, yes).ConfigureAwait(false);
            return;
        }

        // All are read before anything is done: a mistake in the last one changes nothing.
        var texts = files
            .SelectMany(ConfigurationText.FilesAt)
            .Select(f => ConfigurationText.Read(invocation.Host, f, name: null))
            .ToList();
        RequireNames(texts);
        var daemon = await invocation.ConnectAsync().ConfigureAwait(false);
        var steps = await PlanAsync(daemon, texts, prune).ConfigureAwait(false);
        await new PlannedChanges(invocation, _ => ApplyAsync(steps))
            .RunAsync([.. steps.Select(s => s.Outcome)], dryRun, yes)
            .ConfigureAwait(false);
    }

    private static void RequireNames(IReadOnlyList<ConfigurationText> texts)
    {
        var files = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var text in texts)
        {
            var name = text.Configuration.Name;
            if (!files.TryAdd(name, text.FileName))
            {
                throw new CommandException(
                    ExitCode.Usage,
                    "invalid_configuration",
                    $"{text.FileName} describes {name}, as {files[name]} does; nothing was changed"
                );
            }
        }
    }

    private async Task<List<Step>> PlanAsync(DaemonConnection daemon, List<ConfigurationText> texts, bool prune)
    {
        var inventory = await Inventory
            .ReadAsync(daemon, Invocation.LookTimeout, invocation.Cancellation)
            .ConfigureAwait(false);
        var running = inventory.Entries.ToDictionary(e => e.Name, StringComparer.Ordinal);
        var steps = new List<Step>();
        if (prune)
        {
            // First, since what comes may need its port or its device.
            var wanted = texts.Select(t => t.Configuration.Name).ToHashSet(StringComparer.Ordinal);
            steps.AddRange(
                inventory
                    .Entries.Where(e => e.File.Length == 0 && !wanted.Contains(e.Name))
                    .Select(e => new Step(new FileOutcome { Name = e.Name, Action = FileAction.Stop }, () =>
                        e.StopAsync(invocation, daemon)
                    ))
            );
        }

        foreach (var text in texts)
        {
            steps.Add(
                await PlanAsync(daemon, text, running.GetValueOrDefault(text.Configuration.Name)).ConfigureAwait(false)
            );
        }

        return steps;
    }

    private async Task<Step> PlanAsync(DaemonConnection daemon, ConfigurationText text, InventoryEntry? running)
    {
        var name = text.Configuration.Name;
        var wanted = new Wanted(name, text.Text, text.Configuration is RelayConfig, IsEphemeral: false);
        var outcome = new FileOutcome
        {
            File = text.FileName,
            Name = name,
            Diagnostics = { text.Warnings },
        };
        if (running is null)
        {
            outcome.Action = FileAction.Start;
            return new Step(outcome, StartAsync);
        }

        if (running.IsRelay != wanted.IsRelay || running.IsEphemeral)
        {
            outcome.Action = FileAction.Restart;
            return new Step(outcome, async () =>
            {
                await running.StopAsync(invocation, daemon).ConfigureAwait(false);
                await StartAsync().ConfigureAwait(false);
            });
        }

        var difference = await Difference.FindAsync(invocation, daemon, name, wanted).ConfigureAwait(false);
        outcome.Changes.AddRange(difference.Changes);
        outcome.Action =
            difference.Changes.Count == 0 ? FileAction.None
            : difference.NeedsRestart ? FileAction.Restart
            : FileAction.Change;
        if (outcome.Action != FileAction.None && running.File.Length > 0)
        {
            outcome.Action = FileAction.Refuse;
            outcome.Problem =
                $"{name} comes from {running.File}, which says something else: change that file, and "
                + "'udptunnelctl apply' without a file applies it";
        }

        return new Step(outcome, () => difference.ApplyAsync(invocation, daemon, name, wanted));

        async Task StartAsync() =>
            _ = await wanted.StartAsync(invocation, daemon, Invocation.ChangeTimeout).ConfigureAwait(false);
    }

    /// <summary>Each by itself: one that fails keeps none of the others from it.</summary>
    private async Task<IReadOnlyList<FileOutcome>> ApplyAsync(IReadOnlyList<Step> steps)
    {
        foreach (var (outcome, act) in steps)
        {
            if (outcome.Action is FileAction.None or FileAction.Refuse)
            {
                continue;
            }

            try
            {
                await act().ConfigureAwait(false);
                outcome.Applied = true;
            }
            catch (RpcException e)
            {
                outcome.Problem = RpcFailure.Translate(e, invocation.Place.Name, invocation.Service).Message;
            }
        }

        return [.. steps.Select(s => s.Outcome)];
    }

    /// <summary>What becomes of one file, or of one that is stopped.</summary>
    /// <param name="Outcome">What is asked for; told what became of it.</param>
    /// <param name="Act">Does it.</param>
    private sealed record Step(FileOutcome Outcome, Func<Task> Act);
}
