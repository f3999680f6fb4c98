// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.V1;

namespace UdpTunnel.Access;

/// <summary>
/// What a call that changes something is about, for the log: names, as the caller wrote them, quoted and shortened.
/// Never the configuration, which holds secrets.
/// </summary>
internal static class OperationText
{
    private const int MostPorts = 8;

    /// <summary>A name has at most 64 characters, a fingerprint 50.</summary>
    private const int MostCharacters = 64;

    /// <summary>Text behind the method's name: empty, or with a space in front.</summary>
    public static string Of(object request) =>
        request switch
        {
            StartTunnelRequest r => Start(r.Name, r.Ephemeral),
            StopTunnelRequest r => Named(r.Name),
            ReloadTunnelRequest r => Named(r.Name) + Reload(r.DryRun, r.AllowRestart),
            CapturePacketsRequest r => Named(r.Name) + (r.DroppedOnly ? " dropped" : "") + Ports(" ports", r.Ports),
            ApprovePeerRequest r => Named(r.Peer)
                + At(r.Tunnel, r.All)
                + (r.Name.Length > 0 ? $" as{Named(r.Name)}" : "")
                + (r.Once ? " once" : ""),
            DenyPeerRequest r => Named(r.Peer) + At(r.Tunnel, r.All),
            RevokePeerRequest r => Named(r.Peer) + At(r.Tunnel, all: false),
            InvitePeerRequest r => Named(r.Name)
                + At(r.Tunnel, all: false)
                + (r.Endpoint.Length > 0 ? $" to{Named(r.Endpoint)}" : ""),
            PingPeerRequest r => Named(r.Peer)
                + At(r.Tunnel, all: false)
                + (r.Address.Length > 0 ? $" address{Named(r.Address)}" : ""),
            UpdatePortsRequest r => Named(r.Name) + Ports(" allow", r.Allow) + Ports(" deny", r.Deny),
            RevealConfigurationRequest r => Named(r.Name),
            ReloadDirectoryRequest r => Reload(r.DryRun, r.AllowRestart),
            SetLogLevelRequest r => $" {(r.Level == DaemonLogLevel.Debug ? "debug" : "info")}",
            DiagnoseRequest r => r.Name.Length > 0 ? Named(r.Name) : "",
            StartRelayRequest r => Start(r.Name, r.Ephemeral),
            StopRelayRequest r => Named(r.Name),
            ReloadRelayRequest r => Named(r.Name) + Reload(r.DryRun, r.AllowRestart),
            ApproveSenderRequest r => Named(r.Sender) + At(r.Relay, r.All) + (r.Once ? " once" : ""),
            DenySenderRequest r => Named(r.Sender) + At(r.Relay, r.All),
            RevokeSenderRequest r => Named(r.Sender) + At(r.Relay, all: false),
            AcceptReceiverKeyRequest r => Named(r.Name) + Named(r.Fingerprint),
            _ => "",
        };

    /// <summary>Whether a call only asks what would change.</summary>
    public static bool IsDryRun(object request) =>
        request
            is ReloadTunnelRequest { DryRun: true }
                or ReloadRelayRequest { DryRun: true }
                or ReloadDirectoryRequest { DryRun: true };

    private static string Start(string name, bool ephemeral) =>
        (name.Length > 0 ? Named(name) : " by the configuration's own name") + (ephemeral ? " ephemeral" : "");

    private static string Named(string name) => $" \"{Excerpt.Escape(name, MostCharacters)}\"";

    private static string At(string relay, bool all) =>
        (relay.Length > 0 ? $" at{Named(relay)}" : "") + (all ? " at all" : "");

    private static string Reload(bool dryRun, bool allowRestart) =>
        dryRun ? " dry run"
        : allowRestart ? " may restart"
        : "";

    private static string Ports(string what, IReadOnlyCollection<V1.PortRange> ranges)
    {
        if (ranges.Count == 0)
        {
            return "";
        }

        var more = ranges.Count > MostPorts ? $" and {ranges.Count - MostPorts} more" : "";
        return $"{what} {string.Join(", ", ranges.Take(MostPorts).Select(r => r.First == r.Last ? $"{r.First}" : $"{r.First}-{r.Last}"))}{more}";
    }
}
