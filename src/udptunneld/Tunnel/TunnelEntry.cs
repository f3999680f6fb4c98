using UdpTunnel.Config;
using UdpTunnel.Hosting;

namespace UdpTunnel.Tunnel;

/// <summary>One tunnel of the daemon; without an engine it could not be started.</summary>
internal sealed record TunnelEntry(TunnelConfig Config, bool IsEphemeral) : IHosted
{
    /// <inheritdoc/>
    public string Name => Config.Name;

    /// <inheritdoc/>
    public string File { get; init; } = "";

    /// <summary>Whether it is kept in the state directory.</summary>
    public bool IsStored => !IsEphemeral && File.Length == 0;

    /// <summary>What to say behind a change that its file does not know of.</summary>
    public string FileNote => File.Length > 0 ? $"; {File} does not say so and counts again at the next reload or start" : "";

    public TunnelEngine? Engine { get; init; }

    /// <inheritdoc/>
    public bool IsRunning => Engine is not null;

    /// <inheritdoc/>
    public string Problem { get; init; } = "";

    /// <summary>By the monotonic clock: somebody may set the other one back.</summary>
    public long Tried { get; init; }

    public TunnelStatus Status => Current with { Ephemeral = IsEphemeral, File = File };

    private TunnelStatus Current =>
        Engine?.Status ?? new TunnelStatus { Config = Config, State = TunnelState.Failed, Problem = Problem };
}
