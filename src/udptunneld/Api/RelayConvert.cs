// SPDX-License-Identifier: BSD-3-Clause

using Google.Protobuf.WellKnownTypes;
using UdpTunnel.Config;
using UdpTunnel.Relay;
using UdpTunnel.Relay.Approval;

namespace UdpTunnel.Api;

/// <summary>
/// From the relays' own types to the ones of the protos. Enumerations have the same numbers on both sides, but for the
/// configuration's.
/// </summary>
internal static class RelayConvert
{
    public static V1.Relay ToRelay(RelayStatus status)
    {
        var config = status.Config;
        var relay = new V1.Relay
        {
            Name = config.Name,
            Role = config.Relay == RelayRole.Receiver ? V1.RelayRole.Receiver : V1.RelayRole.Sender,
            Protocol = config.Protocol == RelayProtocol.Tls ? V1.RelayProtocol.Tls : V1.RelayProtocol.Classic,
            State = (V1.RelayState)status.State,
            Problem = status.Problem,
            UdpAddress = config.UdpAddress.ToString(),
            TcpAddress = config.TcpAddress.ToString(),
            IdleTimeout = Duration.FromTimeSpan(config.IdleTimeout),
            MaxFlows = (uint)config.MaxFlows,
            Ephemeral = status.Ephemeral,
            File = status.File,
            Started = ToTimestamp(status.Started),
            OwnFingerprint = status.OwnFingerprint,
            PeerAddress = status.PeerAddress,
            PeerFingerprint = status.PeerFingerprint,
            LastHeard = ToTimestamp(status.LastHeard),
            Counters = ToCounters(status),
            PendingSenders = (uint)status.PendingSenders,
            ProxyProtocol = config.ProxyProtocol switch
            {
                ProxyProtocol.V2 => V1.ProxyProtocol.V2,
                ProxyProtocol.V2Every => V1.ProxyProtocol.V2Every,
                _ => V1.ProxyProtocol.Off,
            },
            Rates = new V1.RelayRates
            {
                PacketsToServicePerSecond = status.Rates.PacketsToService,
                BytesToServicePerSecond = status.Rates.BytesToService,
                PacketsToClientsPerSecond = status.Rates.PacketsToClients,
                BytesToClientsPerSecond = status.Rates.BytesToClients,
            },
            ServiceProblem = status.ServiceProblem,
            AnswersFrom = config.Relay == RelayRole.Receiver ? V1.AnswersFrom.Unspecified : ToProto(config.AnswersFrom),
            ClientFlowRate = (uint)config.ClientFlowRate,
            ClientByteRate = (uint)config.ClientByteRate,
        };
        relay.AllowedClients.AddRange(config.AllowedClients.Select(n => n.ToString()));
        return relay;
    }

    public static V1.RelayFlow ToFlow(FlowStatus flow) =>
        new()
        {
            Client = flow.Client,
            Id = flow.Id,
            Age = Duration.FromTimeSpan(flow.Age),
            Idle = Duration.FromTimeSpan(flow.Idle),
            PacketsToService = (ulong)flow.Traffic.PacketsToService,
            BytesToService = (ulong)flow.Traffic.BytesToService,
            PacketsToClients = (ulong)flow.Traffic.PacketsToClients,
            BytesToClients = (ulong)flow.Traffic.BytesToClients,
            Port = (uint)flow.Port,
        };

    public static V1.Sender ToSender(SenderStatus sender) =>
        new()
        {
            Fingerprint = sender.Key?.ToString() ?? "",
            Address = sender.Address,
            Relay = sender.Relay,
            State = (V1.SenderState)sender.State,
            Since = Timestamp.FromDateTimeOffset(sender.Since),
            Host = sender.Introduction.Host,
            Name = sender.Introduction.Name,
            Services = { sender.Serves.Ports.Select(r => new V1.PortRange { First = r.First, Last = r.Last }) },
        };

    private static V1.AnswersFrom ToProto(AnswersFrom answers) =>
        answers switch
        {
            AnswersFrom.Asked => V1.AnswersFrom.Asked,
            AnswersFrom.AnyPort => V1.AnswersFrom.AnyPort,
            _ => V1.AnswersFrom.Any,
        };

    private static V1.RelayCounters ToCounters(RelayStatus status)
    {
        var counters = new V1.RelayCounters
        {
            PacketsToService = (ulong)status.Traffic.PacketsToService,
            BytesToService = (ulong)status.Traffic.BytesToService,
            PacketsToClients = (ulong)status.Traffic.PacketsToClients,
            BytesToClients = (ulong)status.Traffic.BytesToClients,
            Flows = (uint)status.Flows,
            FlowsOpened = (ulong)status.FlowsOpened,
            Connections = (ulong)status.Connections,
            DnsLookups = (ulong)status.LookUps,
            DnsFailures = (ulong)status.LookUpFailures,
        };
        counters.Drops.AddRange(
            status.Drops.Select(d => new V1.RelayDrops
            {
                Reason = (V1.RelayDropReason)d.Reason,
                Packets = (ulong)d.Packets,
            })
        );
        return counters;
    }

    private static Timestamp? ToTimestamp(DateTimeOffset? time) =>
        time is { } t ? Timestamp.FromDateTimeOffset(t) : null;
}
