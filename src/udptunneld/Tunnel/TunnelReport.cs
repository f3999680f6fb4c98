// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Events;
using UdpTunnel.Linux;
using UdpTunnel.Packets;

namespace UdpTunnel.Tunnel;

/// <summary>
/// Reports once a second what the worker may not report itself: offloads that the kernel refuses, packets that the
/// network refuses, limits. Each once, when it is seen to have changed.
/// </summary>
/// <param name="tunnel">Name of the tunnel.</param>
/// <param name="path">The path of its packets.</param>
/// <param name="udp">The socket.</param>
/// <param name="events">Where to report.</param>
/// <param name="time">The clock.</param>
internal sealed class TunnelReport(string tunnel, PacketPath path, IUdp udp, EventLog events, TimeProvider time)
{
    private readonly LimitReport _limits = new(events, time, tunnel);

    // What was seen last.
    private bool _segments = udp.Segments;
    private TunOffloads _merges = path.Inbound.Merges;
    private long _sendFailed;
    private long _packetsOut;
    private bool _isSendingFailed;

    /// <summary>Looks for changes.</summary>
    public void Tick()
    {
        ReportOffloads();
        var full =
            path.Outbound.Counters.Drops(DropReason.FlowTableFull)
            + path.Inbound.Counters.Drops(DropReason.FlowTableFull);
        if (full > 0)
        {
            _limits.Look(
                Limit.Flows,
                full,
                $"{path.Filter.MaxFlows} flows of one direction are remembered, which is the most: "
                    + "for a new one the oldest of the source that has most gives way"
            );
        }

        ReportSending();
    }

    private void ReportOffloads()
    {
        if (_segments && !udp.Segments)
        {
            _segments = false;
            Report("sending runs of datagrams (UDP_SEGMENT)");
        }

        var refused = _merges & ~path.Inbound.Merges;
        _merges &= path.Inbound.Merges;
        if (refused.HasFlag(TunOffloads.Tcp))
        {
            Report("TCP superpackets to the device (TSO)");
        }

        if (refused.HasFlag(TunOffloads.Udp))
        {
            Report("UDP superpackets to the device (USO)");
        }

        void Report(string what) =>
            events.Add(
                EventKind.OffloadDisabled,
                EventLevel.Info,
                tunnel,
                $"the kernel refuses {what}; going on without, nothing was lost"
            );
    }

    private void ReportSending()
    {
        var failed = path.Outbound.Counters.Drops(DropReason.SendFailed);
        var packets = path.Outbound.Counters.Packets;
        if (failed > _sendFailed && !_isSendingFailed)
        {
            _isSendingFailed = true;
            events.Add(
                EventKind.SendingFailed,
                EventLevel.Warning,
                tunnel,
                $"the network refuses datagrams to {path.Outbound.LastRefused}; "
                    + "the tunnel goes on when it takes them again",
                new EventFacts { Endpoint = $"{path.Outbound.LastRefused}" }
            );
        }
        else if (failed == _sendFailed && _packetsOut != packets)
        {
            _isSendingFailed = false;
        }

        _sendFailed = failed;
        _packetsOut = packets;
    }
}
