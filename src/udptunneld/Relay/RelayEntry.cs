using UdpTunnel.Config;

namespace UdpTunnel.Relay;

/// <summary>One relay of the daemon; without an engine it could not be started.</summary>
internal sealed record RelayEntry(RelayConfig Config, bool IsEphemeral)
{
    public IRelayEngine? Engine { get; init; }

    public string Problem { get; init; } = "";

    public DateTimeOffset Tried { get; init; }

    public RelayStatus Status => Engine is { } engine
        ? engine.Status with { Ephemeral = IsEphemeral }
        : new RelayStatus { Config = Config, State = RelayState.Failed, Problem = Problem, Ephemeral = IsEphemeral };
}
