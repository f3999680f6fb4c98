// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Hosting;
using UdpTunnel.Relay;
using UdpTunnel.State;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Reload;

/// <summary>
/// Makes what runs as the files of the configuration directory say. A file that cannot be used changes nothing: what it
/// described before runs on. What a command started is a file's from the moment at which a file says the same.
/// </summary>
internal sealed class DirectoryReload(DaemonOptions options, TunnelHost tunnels, RelayHost relays, EventLog events)
    : IDisposable
{
    private readonly IReadOnlyList<IReloadable> _hosts = [tunnels, relays];

    // One at a time, so that each sees what the one before has done.
    private readonly SemaphoreSlim _gate = new(1);
    private readonly ConfigClaim _claim = new();

    /// <summary>Compares the files with what runs and applies them.</summary>
    /// <param name="dryRun">Only compare.</param>
    /// <param name="allowRestart">Do also what interrupts what runs.</param>
    /// <param name="cancellationToken">Ends the wait for other changes.</param>
    /// <returns>One outcome for each file, then one for each tunnel and relay whose file is gone.</returns>
    /// <exception cref="RequestException">The directory cannot be read; nothing was changed.</exception>
    public async Task<IReadOnlyList<FileOutcome>> RunAsync(
        bool dryRun,
        bool allowRestart,
        CancellationToken cancellationToken
    )
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            var files = Read();
            var gone = new List<FileOutcome>();
            foreach (var (host, entry) in Gone(files))
            {
                // First, since what comes may need its port or its device.
                gone.Add(
                    await DoAsync(new FileOutcome(entry.File, entry.Name, FileAction.Stop), dryRun, allowRestart, () =>
                        StopAsync(host, entry.Name, cancellationToken)
                    )
                );
            }

            var outcomes = new List<FileOutcome>();
            foreach (var file in files)
            {
                cancellationToken.ThrowIfCancellationRequested();
                outcomes.Add(await ApplyAsync(file, dryRun, allowRestart, cancellationToken));
            }

            return [.. outcomes, .. gone];
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>The same, told in the log and in the events.</summary>
    public async Task RunAndTellAsync(bool allowRestart, CancellationToken cancellationToken)
    {
        try
        {
            var outcomes = await RunAsync(dryRun: false, allowRestart, cancellationToken);
            foreach (var outcome in outcomes)
            {
                Report(outcome);
            }

            var left = outcomes.Count(o => o.Problem.Length > 0);
            events.Add(EventKind.Reloaded, left > 0 ? EventLevel.Warning : EventLevel.Info, "", Summary(outcomes));
        }
        catch (RequestException e)
        {
            events.Add(
                EventKind.Reloaded,
                EventLevel.Error,
                "",
                $"the configuration directory was not applied: {e.Message}",
                new EventFacts { Problem = e.Message }
            );
        }
    }

    /// <summary>Starts what the files describe, when the daemon starts.</summary>
    /// <param name="cancellationToken">Ends the start behind the file that is being applied.</param>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            foreach (var outcome in await RunAsync(dryRun: false, allowRestart: true, cancellationToken))
            {
                Report(outcome);
            }
        }
        catch (RequestException e)
        {
            events.Add(EventKind.TunnelFailed, EventLevel.Error, "", e.Message, new EventFacts { Problem = e.Message });
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _claim.Dispose();
        _gate.Dispose();
    }

    private static bool Interrupts(FileAction action) => action is FileAction.Restart or FileAction.Stop;

    private static async Task<string> StopAsync(IReloadable host, string name, CancellationToken cancellationToken)
    {
        await host.StopFileAsync(name, cancellationToken);
        return "";
    }

    private static async Task<FileOutcome> DoAsync(
        FileOutcome outcome,
        bool dryRun,
        bool allowRestart,
        Func<Task<string>> action
    )
    {
        if (dryRun)
        {
            return outcome;
        }

        if (Interrupts(outcome.Action) && !allowRestart)
        {
            var what =
                outcome.Action == FileAction.Stop
                    ? "its file is gone; it runs on"
                    : $"it has to restart for {string.Join(", ", outcome.Changes.Where(c => c.Effect != ChangeEffect.Live).Select(c => c.Field))}";
            return outcome with { Problem = $"{what}: `udptunnelctl reload --all` asks whether it may" };
        }

        try
        {
            return outcome with { Problem = await action(), Applied = true };
        }
        catch (RequestException e)
        {
            return outcome with { Problem = e.Message };
        }
    }

    private static string Summary(IReadOnlyList<FileOutcome> outcomes)
    {
        (FileAction Action, string Word)[] words =
        [
            (FileAction.Start, "started"),
            (FileAction.Change, "changed"),
            (FileAction.Restart, "restarted"),
            (FileAction.Stop, "stopped"),
        ];
        List<string> parts =
        [
            .. words
                .Select(w => (w.Word, Count: outcomes.Count(o => o.Action == w.Action && o.Applied)))
                .Where(w => w.Count > 0)
                .Select(w => $"{w.Count} {w.Word}"),
        ];
        var left = outcomes.Count(o => !o.Applied && o.Problem.Length > 0);
        if (left > 0)
        {
            parts.Add($"{left} not applied");
        }

        return $"the configuration directory was applied: {(parts.Count > 0 ? string.Join(", ", parts) : "nothing to change")}";
    }

    private IReadOnlyList<ConfiguredFile> Read()
    {
        try
        {
            _claim.Take(options.ConfigDirectory);
            return ConfigDirectory.Read(options.ConfigDirectory, options.CredentialsDirectory);
        }
        catch (IOException e)
        {
            throw new RequestException(Fault.System, e.Message);
        }
    }

    private List<(IReloadable Host, IHosted Entry)> Gone(IReadOnlyList<ConfiguredFile> files)
    {
        // A file with a mistake may not say any more whose it is: its path does.
        var names = files.Select(f => f.Name).ToHashSet(StringComparer.Ordinal);
        return
        [
            .. from host in _hosts
            from entry in host.Entries
            where entry.File.Length > 0 && !names.Contains(entry.Name) && !IsDamaged(entry.File)
            select (host, entry),
        ];

        bool IsDamaged(string path) => files.Any(f => f.Path == path && f.Configuration is null);
    }

    private async Task<FileOutcome> ApplyAsync(
        ConfiguredFile file,
        bool dryRun,
        bool allowRestart,
        CancellationToken cancellationToken
    )
    {
        if (file.Configuration is not { } configuration)
        {
            return new FileOutcome(file.Path, file.Name, FileAction.Refuse)
            {
                Problem = file.Problem,
                Diagnostics = file.Diagnostics,
            };
        }

        var target = _hosts.Single(h => h.Takes(configuration));
        var (owner, entry) = Find(file.Name);
        var outcome = Compare(file, configuration, target, owner, entry);
        return outcome.Action switch
        {
            FileAction.Refuse => outcome,
            FileAction.None when entry!.File == file.Path || dryRun => outcome,
            FileAction.None => outcome with
            {
                Problem = await target.ApplyFileAsync(configuration, file.Path, allowRestart: false, cancellationToken),
            },
            FileAction.Start => await DoAsync(outcome, dryRun, allowRestart, () =>
                target.StartFileAsync(configuration, file.Path, cancellationToken)
            ),
            _ when owner == target => await DoAsync(outcome, dryRun, allowRestart, () =>
                target.ApplyFileAsync(configuration, file.Path, allowRestart, cancellationToken)
            ),
            _ => await DoAsync(outcome, dryRun, allowRestart, async () =>
            {
                await owner!.StopFileAsync(file.Name, cancellationToken);
                return await target.StartFileAsync(configuration, file.Path, cancellationToken);
            }),
        };
    }

    private static FileOutcome Compare(
        ConfiguredFile file,
        Configuration configuration,
        IReloadable target,
        IReloadable? owner,
        IHosted? entry
    )
    {
        var outcome = new FileOutcome(file.Path, file.Name, FileAction.Start) { Diagnostics = file.Diagnostics };
        if (entry is null)
        {
            return outcome;
        }

        if (owner != target)
        {
            return entry.File.Length == 0
                ? Refused(
                    $"{file.Name} was started by a command and is another kind of thing than {file.Path} describes: "
                        + $"`udptunnelctl down {file.Name}` makes room for it"
                )
                : outcome with
                {
                    Action = FileAction.Restart,
                    Changes =
                    [
                        new FieldChange("Relay", "(another kind)", configuration.ToString(), ChangeEffect.Restart),
                    ],
                };
        }

        var changes = target.Compare(configuration);
        if (changes.Count == 0)
        {
            return outcome with { Action = FileAction.None, Problem = entry.Problem };
        }

        if (entry.File.Length == 0)
        {
            return Refused(
                $"{file.Name} was started by a command, and {file.Path} says something else: `udptunnelctl reload "
                    + $"{file.Name} {file.Path}` shows how they differ and makes them equal; then the file counts"
            );
        }

        // What does not run is not interrupted either.
        var isLive = changes.All(c => c.Effect == ChangeEffect.Live) || !entry.IsRunning;
        return outcome with { Action = isLive ? FileAction.Change : FileAction.Restart, Changes = changes };

        FileOutcome Refused(string problem) => outcome with { Action = FileAction.Refuse, Problem = problem };
    }

    private (IReloadable? Host, IHosted? Entry) Find(string name)
    {
        foreach (var host in _hosts)
        {
            if (host.Entries.FirstOrDefault(e => e.Name == name) is { } entry)
            {
                return (host, entry);
            }
        }

        return (null, null);
    }

    private void Report(FileOutcome outcome)
    {
        foreach (var diagnostic in outcome.Diagnostics.Where(d => d.Severity == DiagnosticSeverity.Warning))
        {
            events.Add(
                EventKind.Reloaded,
                EventLevel.Warning,
                outcome.Name,
                diagnostic.Render(outcome.File),
                new EventFacts { File = outcome.File }
            );
        }

        if (outcome.Action == FileAction.Refuse)
        {
            List<string> mistakes =
            [
                .. outcome
                    .Diagnostics.Where(d => d.Severity == DiagnosticSeverity.Error)
                    .Select(d => d.Render(outcome.File)),
            ];
            foreach (var mistake in mistakes.DefaultIfEmpty(outcome.Problem))
            {
                events.Add(
                    EventKind.TunnelFailed,
                    EventLevel.Error,
                    outcome.Name,
                    mistake,
                    new EventFacts { File = outcome.File, Problem = mistake }
                );
            }
        }
        else if (outcome.Problem.Length > 0 && !outcome.Applied && outcome.Action != FileAction.None)
        {
            // What was applied and does not start has said so itself.
            events.Add(
                EventKind.Reloaded,
                EventLevel.Warning,
                outcome.Name,
                outcome.Problem,
                new EventFacts { File = outcome.File, Problem = outcome.Problem }
            );
        }
    }
}
