using UdpTunnel.Config;
using UdpTunnel.Hosting;

namespace UdpTunnel.Tunnel;

/// <summary>The tunnels that files of the configuration directory describe.</summary>
internal sealed partial class TunnelHost : IReloadable
{
    /// <inheritdoc/>
    IEnumerable<IHosted> IReloadable.Entries => _tunnels.All;

    /// <inheritdoc/>
    bool IReloadable.Takes(Configuration configuration) => configuration is TunnelConfig;

    /// <inheritdoc/>
    IReadOnlyList<FieldChange> IReloadable.Compare(Configuration configuration) => Compare(configuration.Name, (TunnelConfig)configuration);

    /// <inheritdoc/>
    async Task<string> IReloadable.StartFileAsync(Configuration configuration, string file, CancellationToken cancellationToken)
    {
        using var gate = await _tunnels.EnterAsync(cancellationToken);
        _tunnels.RequireRoom(configuration.Name);
        var entry = TryStart(new TunnelEntry((TunnelConfig)configuration, IsEphemeral: false) { File = file });
        _tunnels.Set(entry);
        return entry.Problem;
    }

    /// <inheritdoc/>
    async Task<string> IReloadable.ApplyFileAsync(
        Configuration configuration, string file, bool allowRestart, CancellationToken cancellationToken)
    {
        var config = (TunnelConfig)configuration;
        using var gate = await _tunnels.EnterAsync(cancellationToken);
        var entry = _tunnels.Find(config.Name) with { File = file };
        if (entry.Engine is not null)
        {
            _tunnels.Set(entry);
            Change(entry, config, allowRestart);
        }
        else
        {
            _tunnels.Set(TryStart(entry with { Config = config }));
        }

        return _tunnels.Find(config.Name).Problem;
    }

    /// <inheritdoc/>
    Task IReloadable.StopFileAsync(string name, CancellationToken cancellationToken) => StopAsync(name, cancellationToken);
}
