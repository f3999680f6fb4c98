// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Events;

namespace UdpTunnel.Relay;

/// <summary>Tells which bounds of a relay were hit, from what was dropped for it.</summary>
internal sealed class RelayLimits(RelayServices services, string relay)
{
    private readonly LimitReport _report = new(services.Events, services.Time, relay);

    /// <summary>Called about once a second.</summary>
    public void Look(RelayStatus status)
    {
        foreach (var (reason, packets) in status.Drops)
        {
            if (Of(reason, status.Config) is var (limit, what) && limit != Limit.None)
            {
                _report.Look(limit, packets, what);
            }
        }
    }

    private static (Limit Limit, string What) Of(RelayDropReason reason, RelayConfig config) =>
        reason switch
        {
            RelayDropReason.FlowLimit => (
                Limit.Flows,
                $"{config.MaxFlows} flows are live, which is MaxFlows: those that are longest idle give way to new clients"
            ),
            RelayDropReason.FlowRate => (
                Limit.FlowRate,
                "clients open new flows faster than one address may: their datagrams are dropped"
            ),
            RelayDropReason.QueueFull => (
                Limit.Queue,
                "the TCP connection is slower than the datagrams come: those that wait for too long are dropped"
            ),
            RelayDropReason.PendingLimit => (
                Limit.PendingSenders,
                "as many senders connect or wait as may: more are sent away"
            ),
            RelayDropReason.NoDescriptors => (
                Limit.Descriptors,
                "the system has no descriptors or memory left: connections wait, new flows are dropped"
            ),
            RelayDropReason.BufferFull => (
                Limit.ReceiveBuffer,
                "datagrams of clients come faster than they are read: the kernel drops some"
            ),
            _ => (Limit.None, ""),
        };
}
