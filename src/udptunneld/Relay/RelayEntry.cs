using UdpTunnel.Config;
using UdpTunnel.Hosting;

namespace UdpTunnel.Relay;

/// <summary>One relay of the daemon; without an engine it could not be started.</summary>
internal sealed record RelayEntry(RelayConfig Config, bool IsEphemeral) : IHosted
{
    /// <inheritdoc/>
    public string Name => Config.Name;

    /// <inheritdoc/>
    public string File { get; init; } = "";

    /// <summary>Whether it is kept in the state directory.</summary>
    public bool IsStored => !IsEphemeral && File.Length == 0;

    public IRelayEngine? Engine { get; init; }

    /// <inheritdoc/>
    public bool IsRunning => Engine is not null;

    /// <inheritdoc/>
    public string Problem { get; init; } = "";

    public long Tried { get; init; }

    public RelayMeter Meter { get; } = new(RelayTimes.Now);

    public RelayStatus Status => Current with { Ephemeral = IsEphemeral, File = File, Rates = Meter.Rates };

    private RelayStatus Current =>
        Engine?.Status ?? new RelayStatus { Config = Config, State = RelayState.Failed, Problem = Problem };
}
