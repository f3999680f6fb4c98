// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output.Relays;

/// <summary>Facts about a relay in a few words; several views share them.</summary>
internal static class RelayText
{
    /// <summary><c>receiver (tls): clients at UDP :53, sender at TCP :5353</c></summary>
    public static string Role(Relay relay)
    {
        var role = $"{Words.Spoken(Words.Of(relay.Role))} ({Words.Spoken(Words.Of(relay.Protocol))})";
        return relay.Role == RelayRole.Receiver
            ? $"{role}: clients at UDP {relay.UdpAddress}, sender at TCP {relay.TcpAddress}"
            : $"{role}: service at UDP {relay.UdpAddress}, receiver at TCP {relay.TcpAddress}{Proxy(relay)}";
    }

    private static string Proxy(Relay relay) =>
        relay.ProxyProtocol switch
        {
            ProxyProtocol.V2 => ", PROXY header in front of the first datagram of each flow",
            ProxyProtocol.V2Every => ", PROXY header in front of every datagram",
            _ => "",
        };

    /// <summary>What the other end of the TCP connection is called.</summary>
    public static string PeerLabel(Relay relay) => relay.Role == RelayRole.Receiver ? "sender" : "receiver";

    /// <summary>The other end's address and how long ago it was heard.</summary>
    public static string Peer(Relay relay, DateTimeOffset now)
    {
        if (relay.PeerAddress.Length == 0)
        {
            return relay.Role == RelayRole.Receiver ? "none is connected" : "not connected";
        }

        return TimeText.Of(relay.LastHeard) is { } time
            ? $"{relay.PeerAddress}, heard {TimeInWords.Ago(time, now)}"
            : $"{relay.PeerAddress}, nothing heard yet";
    }

    /// <summary><c>to service 1.50 KiB, 12 packets; to clients 512 B, 1 packet</c></summary>
    public static string Total(RelayCounters counters) =>
        $"to service {Quantity.Bytes(counters.BytesToService)}, {Quantity.Packets(counters.PacketsToService)}; "
        + $"to clients {Quantity.Bytes(counters.BytesToClients)}, {Quantity.Packets(counters.PacketsToClients)}";

    /// <summary><c>to service 12.0 kbit/s, 8.0 packets/s; to clients 0 bit/s, 0 packets/s</c></summary>
    public static string Now(RelayRates rates) =>
        $"to service {Quantity.BitRate(rates.BytesToServicePerSecond)}, {Quantity.PacketRate(rates.PacketsToServicePerSecond)}; "
        + $"to clients {Quantity.BitRate(rates.BytesToClientsPerSecond)}, {Quantity.PacketRate(rates.PacketsToClientsPerSecond)}";

    /// <summary><c>3 live of at most 10,000</c></summary>
    public static string Flows(Relay relay) =>
        $"{Quantity.Count(relay.Counters?.Flows ?? 0)} live of at most {Quantity.Count(relay.MaxFlows)}";

    /// <summary><c>53</c> or <c>27015-27030</c></summary>
    public static string Range(PortRange range) =>
        range.First == range.Last ? $"{range.First}" : $"{range.First}-{range.Last}";

    /// <summary>How a sender is named: by its key, or by its address if it has none.</summary>
    public static string Identity(Sender sender) => sender.Fingerprint.Length > 0 ? sender.Fingerprint : sender.Address;

    /// <summary>What dropped datagrams have in common, in words that stand alone.</summary>
    public static string Drop(RelayDropReason reason) =>
        reason switch
        {
            RelayDropReason.NotApproved => "no approved sender",
            RelayDropReason.FlowRate => "too many new flows",
            RelayDropReason.SendFailed => "sending failed",
            RelayDropReason.PendingLimit => "too many pending senders",
            RelayDropReason.NoDescriptors => "no descriptors left",
            RelayDropReason.BufferFull => "receive buffer full",
            RelayDropReason.OtherSource => "answer from another source",
            RelayDropReason.ServiceRefused => "nobody listens there",
            RelayDropReason.ClientRate => "client sends too much",
            RelayDropReason.NoService => "port of no service",
            _ => Words.Spoken(Words.Of(reason)),
        };

    /// <summary>How a state looks.</summary>
    public static Style StyleOf(RelayState state) =>
        state switch
        {
            RelayState.Running => Style.Good,
            RelayState.Waiting or RelayState.Connecting or RelayState.Pending => Style.Warning,
            _ => Style.Bad,
        };

    /// <summary>How a sender's state looks.</summary>
    public static Style StyleOf(SenderState state) =>
        state switch
        {
            SenderState.Connected => Style.Good,
            SenderState.Pending => Style.Warning,
            _ => Style.Plain,
        };
}
