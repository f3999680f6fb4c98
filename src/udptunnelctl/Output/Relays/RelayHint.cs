using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output.Relays;

/// <summary>What to do when a relay does not carry datagrams.</summary>
internal static class RelayHint
{
    /// <summary>A hint of a few sentences; null if nothing seems wrong.</summary>
    public static string? For(Relay relay) => relay.State switch
    {
        RelayState.Waiting when relay.PendingSenders > 0 =>
            "A sender waits for your approval: 'udptunnelctl senders' shows it, 'udptunnelctl approve SENDER' lets it in.",
        RelayState.Waiting =>
            $"No sender has connected yet. Does it run, and does TCP port {relay.TcpAddress} of this host reach it through every "
            + "firewall between?",
        RelayState.Connecting =>
            $"The receiver does not answer yet; the sender goes on trying. Does it run, and is TCP {relay.TcpAddress} reachable "
            + "from here?",
        RelayState.Pending => Pending(relay),
        RelayState.Failed => $"Put right what the problem says, then 'udptunnelctl down {relay.Name}' and start it again.",
        _ => null,
    };

    private static string Pending(Relay relay) => relay.OwnFingerprint.Length > 0
        ? $"Somebody has to let this sender in. At the receiver's host: udptunnelctl approve {relay.OwnFingerprint}"
        : "Somebody has to let this sender in. At the receiver's host: 'udptunnelctl senders' and 'udptunnelctl approve ADDRESS'";
}
