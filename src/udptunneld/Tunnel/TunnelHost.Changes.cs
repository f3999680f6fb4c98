using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Hosting;
using UdpTunnel.State;

namespace UdpTunnel.Tunnel;

/// <summary>How another configuration is applied: live where it can be, else by a restart. Under the gate.</summary>
internal sealed partial class TunnelHost
{
    private IReadOnlyList<FieldChange> Change(TunnelEntry entry, TunnelConfig config, bool allowRestart)
    {
        var name = entry.Config.Name;
        var changes = ConfigDiff.Between(entry.Config, config);
        if (changes.Count == 0)
        {
            return changes;
        }

        if (changes.Any(c => c.Effect == ChangeEffect.Impossible))
        {
            throw new RequestException(
                Fault.InvalidRequest, $"the configuration is {config.Name}'s, not {name}'s: a tunnel keeps its name");
        }

        var live = changes.All(c => c.Effect == ChangeEffect.Live) && entry.Engine is not null;
        if (!live && !allowRestart)
        {
            var fields = string.Join(", ", changes.Where(c => c.Effect == ChangeEffect.Restart).Select(c => c.Field));
            throw new RequestException(Fault.RestartRequired, $"{name} has to restart for {fields}, which was not allowed");
        }

        _tunnels.Set(live ? ApplyLive(entry, config) : Restart(entry, config));
        events.Add(EventKind.Reloaded, EventLevel.Info, name, $"changed {string.Join(", ", changes.Select(c => c.Field))}");
        return changes;
    }

    private TunnelEntry ApplyLive(TunnelEntry entry, TunnelConfig config)
    {
        entry.Engine?.Apply(config);
        var changed = entry with { Config = config };
        try
        {
            if (entry.IsStored)
            {
                StateWriting.Try(() => store.Save(config));
            }
        }
        catch (RequestException)
        {
            entry.Engine?.Apply(entry.Config);
            throw;
        }

        return changed;
    }

    /// <summary>Device and socket may be the same, so the old ones must be gone before; if the new cannot start, the old start again.</summary>
    private TunnelEntry Restart(TunnelEntry entry, TunnelConfig config)
    {
        var session = entry.Engine?.Session;
        entry.Engine?.Dispose();
        TunnelEntry? started = null;
        try
        {
            started = StartEntry(entry with { Config = config }, session);
            Keep(started);
            return started;
        }
        catch (RequestException)
        {
            _tunnels.Set(TryStart(entry with { Engine = null }));
            throw;
        }
    }
}
