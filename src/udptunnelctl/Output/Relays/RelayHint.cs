// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output.Relays;

/// <summary>What to do when a relay does not carry datagrams.</summary>
internal static class RelayHint
{
    /// <summary>A hint of a few sentences; null if nothing seems wrong.</summary>
    /// <param name="relay">It may be a receiver or a sender.</param>
    /// <param name="senders">
    /// The senders that are shown beside it, those that wait with what lets them in: that need not be said again.
    /// </param>
    public static string? For(Relay relay, IReadOnlyList<Sender> senders) =>
        relay.State switch
        {
            RelayState.Waiting when relay.PendingSenders > 0 => null,
            RelayState.Pending
                when senders.Any(s => s.State == SenderState.Pending && s.Fingerprint == relay.OwnFingerprint) => null,
            RelayState.Waiting when relay.Counters is { Connections: > 0 } =>
                $"The sender was connected and is away; it comes back by itself. Does it run, and does TCP port {relay.TcpAddress} of "
                    + "this host still reach it through every firewall between?",
            RelayState.Waiting =>
                $"No sender has connected yet. Does it run, and does TCP port {relay.TcpAddress} of this host reach it through every "
                    + "firewall between?",
            RelayState.Connecting =>
                $"The receiver does not answer yet; the sender goes on trying. Does it run, and is TCP {relay.TcpAddress} reachable "
                    + "from here?",
            RelayState.Pending => Pending(relay),
            RelayState.Failed => "Put right what the problem says: it is tried again every 5 s. "
                + $"'udptunnelctl reload {relay.Name} FILE' changes its configuration.",
            _ => null,
        };

    private static string Pending(Relay relay) =>
        relay.OwnFingerprint.Length > 0
            ? $"Somebody has to let this sender in. At the receiver's host: udptunnelctl approve {relay.OwnFingerprint}"
            : "Somebody has to let this sender in. At the receiver's host: 'udptunnelctl senders' and 'udptunnelctl approve ADDRESS'";
}
