using UdpTunnel.Config;
using UdpTunnel.Reload;

namespace UdpTunnel.Tunnel;

/// <summary>The tunnels that files of the configuration directory describe.</summary>
internal sealed partial class TunnelHost : IReloadable
{
    /// <inheritdoc/>
    IReadOnlyList<ReloadableEntry> IReloadable.Entries =>
        [.. _tunnels.Values.Select(e => new ReloadableEntry(e.Config.Name, e.File, e.Engine is not null, e.Problem))];

    /// <inheritdoc/>
    bool IReloadable.Takes(Configuration configuration) => configuration is TunnelConfig;

    /// <inheritdoc/>
    IReadOnlyList<FieldChange> IReloadable.Compare(Configuration configuration) => Compare(configuration.Name, (TunnelConfig)configuration);

    /// <inheritdoc/>
    async Task<string> IReloadable.StartFileAsync(Configuration configuration, string file, CancellationToken cancellationToken)
    {
        using var gate = await EnterAsync(cancellationToken);
        RequireRoom(configuration.Name);
        var entry = TryStart(new TunnelEntry((TunnelConfig)configuration, IsEphemeral: false) { File = file });
        Add(entry);
        return entry.Problem;
    }

    /// <inheritdoc/>
    async Task<string> IReloadable.ApplyFileAsync(
        Configuration configuration, string file, bool allowRestart, CancellationToken cancellationToken)
    {
        var config = (TunnelConfig)configuration;
        using var gate = await EnterAsync(cancellationToken);
        var entry = Find(config.Name) with { File = file };
        if (entry.Engine is not null)
        {
            Replace(entry);
            Change(entry, config, allowRestart);
        }
        else
        {
            Replace(TryStart(entry with { Config = config }));
        }

        return Find(config.Name).Problem;
    }

    /// <inheritdoc/>
    Task IReloadable.StopFileAsync(string name, CancellationToken cancellationToken) => StopAsync(name, cancellationToken);
}
