using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Hosting;

namespace UdpTunnel.Relay;

/// <summary>The relays that files of the configuration directory describe. Approved senders are remembered for them too.</summary>
internal sealed partial class RelayHost : IReloadable
{
    /// <inheritdoc/>
    IEnumerable<IHosted> IReloadable.Entries => _relays.All;

    /// <inheritdoc/>
    bool IReloadable.Takes(Configuration configuration) => configuration is RelayConfig;

    /// <inheritdoc/>
    IReadOnlyList<FieldChange> IReloadable.Compare(Configuration configuration) =>
        ConfigDiff.Between(_relays.Find(configuration.Name).Config, (RelayConfig)configuration);

    /// <inheritdoc/>
    async Task<string> IReloadable.StartFileAsync(Configuration configuration, string file, CancellationToken cancellationToken)
    {
        using var gate = await _relays.EnterAsync(cancellationToken);
        _relays.RequireRoom(configuration.Name);
        var entry = TryStart(new RelayEntry((RelayConfig)configuration, IsEphemeral: false) { File = file });
        _relays.Set(entry);
        return entry.Problem;
    }

    /// <inheritdoc/>
    async Task<string> IReloadable.ApplyFileAsync(
        Configuration configuration, string file, bool allowRestart, CancellationToken cancellationToken)
    {
        using var gate = await _relays.EnterAsync(cancellationToken);
        var before = _relays.Find(configuration.Name) with { File = file };
        var config = (RelayConfig)configuration;
        _relays.Set(before);
        var changes = ConfigDiff.Between(before.Config, config);
        if (changes.Count == 0 && before.Engine is not null)
        {
            return "";
        }

        if (before.Engine is not null && !allowRestart)
        {
            throw new RequestException(Fault.RestartRequired, $"{config.Name} has to restart, which was not allowed");
        }

        // The ports may be the same, so the old ones must be free before.
        before.Engine?.Dispose();
        var after = TryStart(before with { Config = config, Engine = null });
        if (after.Engine is null && before.Engine is not null)
        {
            _relays.Set(TryStart(before with { Engine = null }));
            SignalSenders();
            throw new RequestException(Fault.System, $"{after.Problem}; {config.Name} goes on as it was");
        }

        _relays.Set(after);
        SignalSenders();
        if (changes.Count > 0)
        {
            _events.Add(EventKind.Reloaded, EventLevel.Info, config.Name, $"changed {string.Join(", ", changes.Select(c => c.Field))}");
        }

        return after.Problem;
    }

    /// <inheritdoc/>
    Task IReloadable.StopFileAsync(string name, CancellationToken cancellationToken) => StopAsync(name, cancellationToken);
}
