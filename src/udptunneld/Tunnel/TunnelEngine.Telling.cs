using UdpTunnel.Events;
using UdpTunnel.Linux;
using UdpTunnel.Packets;

namespace UdpTunnel.Tunnel;

/// <summary>What the tick tells, because the worker may not: each once, when it is seen to have changed.</summary>
internal sealed partial class TunnelEngine
{
    private static readonly long ClaimIntervalMilliseconds = (long)TimeSpan.FromMinutes(1).TotalMilliseconds;

    private void TellPeer()
    {
        var current = _peer.Current;
        if (current is null || ReferenceEquals(current, _seen.Peer))
        {
            return;
        }

        var before = _seen.Peer;
        _seen.Peer = current;
        if (before is null)
        {
            _events.Add(EventKind.PeerAdopted, EventLevel.Info, Config.Name, $"the peer is {current.Endpoint}");
        }
        else if (!before.Endpoint.Equals(current.Endpoint) && Config.IsServer)
        {
            _events.Add(
                EventKind.PeerMoved, EventLevel.Info, Config.Name, $"the peer has moved from {before.Endpoint} to {current.Endpoint}");
        }
    }

    /// <summary>Once a minute at the most: a stranger must not fill the log.</summary>
    private void TellClaims(long now)
    {
        if (now < _seen.NextClaim || _claims?.TakeRefused() is not { IsNone: false } claimant)
        {
            return;
        }

        _seen.NextClaim = now + ClaimIntervalMilliseconds;
        _events.Add(
            EventKind.PeerClaimed,
            EventLevel.Warning,
            Config.Name,
            $"{claimant} sent a datagram with the right magic while the peer {_peer.Current?.Endpoint} answers; the peer stays");
    }

    private void TellOffloads()
    {
        if (_seen.Segments && !_udp.Segments)
        {
            _seen.Segments = false;
            TellOffload("sending runs of datagrams (UDP_SEGMENT)");
        }

        var refused = _seen.Merges & ~_inbound.Merges;
        _seen.Merges &= _inbound.Merges;
        if (refused.HasFlag(TunOffloads.Tcp))
        {
            TellOffload("TCP superpackets to the device (TSO)");
        }

        if (refused.HasFlag(TunOffloads.Udp))
        {
            TellOffload("UDP superpackets to the device (USO)");
        }
    }

    private void TellOffload(string what) => _events.Add(
        EventKind.OffloadDisabled, EventLevel.Info, Config.Name, $"the kernel refuses {what}; going on without, nothing was lost");

    private void TellDrops()
    {
        var full = _outbound.Counters.Drops(DropReason.FlowTableFull) + _inbound.Counters.Drops(DropReason.FlowTableFull);
        if (full > 0)
        {
            _limits.Look(Limit.Flows, full, $"{_filter.MaxFlows} flows of one direction are remembered, which is the most: packets of new ones are dropped");
        }

        var failed = _outbound.Counters.Drops(DropReason.SendFailed);
        if (failed > _seen.SendFailed && !_seen.IsSendingFailed)
        {
            _seen.IsSendingFailed = true;
            _events.Add(
                EventKind.SendingFailed,
                EventLevel.Warning,
                Config.Name,
                $"the network refuses datagrams to {_peer.Current?.Endpoint}; the tunnel goes on when it takes them again");
        }
        else if (failed == _seen.SendFailed && _seen.PacketsOut != _lastTotals.PacketsOut)
        {
            _seen.IsSendingFailed = false;
        }

        _seen.SendFailed = failed;
        _seen.PacketsOut = _lastTotals.PacketsOut;
    }

    /// <summary>What was already told or saved.</summary>
    private sealed class Seen(bool segments, TunOffloads merges)
    {
        public Peer.Address? Peer { get; set; }

        public Peer.Address? SavedPeer { get; set; }

        public bool Segments { get; set; } = segments;

        public TunOffloads Merges { get; set; } = merges;

        public long SendFailed { get; set; }

        public long PacketsOut { get; set; }

        public bool IsSendingFailed { get; set; }

        public long NextClaim { get; set; }

        public long Generation { get; set; }

        public TrafficTotals SavedTotals { get; set; }
    }
}
