// SPDX-License-Identifier: BSD-3-Clause

using System.Text.Json;

namespace UdpTunnel.Config;

/// <summary>A relay file: one end of a UDP service published over one TCP connection.</summary>
public sealed record RelayConfig : Configuration
{
    /// <summary>The most <see cref="AllowedClients"/>: each is compared with the address of a new client.</summary>
    public const int MaxAllowedClients = 256;

    /// <summary>Longest <see cref="IdleTimeout"/>, in seconds: a day.</summary>
    public const int MaxIdleTimeout = 86_400;

    /// <summary><see cref="IdleTimeout"/> when the file names none, in seconds.</summary>
    public const int DefaultIdleTimeout = 120;

    /// <summary>
    /// Largest <see cref="MaxFlows"/>: the sender has one UDP socket for each flow, all to the same service, and a
    /// socket each needs a local port of its own.
    /// </summary>
    public const int MaxMaxFlows = 65_535;

    /// <summary><see cref="MaxFlows"/> when the file names none.</summary>
    public const int DefaultMaxFlows = 10_000;

    /// <summary>Largest <see cref="ClientFlowRate"/> and <see cref="ClientByteRate"/>.</summary>
    public const int MaxClientRate = 999_999_999;

    /// <summary>Which end this host is.</summary>
    public required RelayRole Relay { get; init; }

    /// <summary>
    /// Receiver: where clients send to (hosts empty or local addresses). Sender: the services (hosts required), and the
    /// receiver's ports that they belong to.
    /// </summary>
    public required UdpServiceList UdpAddress { get; init; }

    /// <summary>
    /// Receiver: where the sender connects (host empty or a local address). Sender: the receiver (host required).
    /// </summary>
    public required HostPort TcpAddress { get; init; }

    /// <summary>Wire format; the same at both ends.</summary>
    public RelayProtocol Protocol { get; init; }

    /// <summary>
    /// Time after which a flow without datagrams ends: whole seconds, 1 to <see cref="MaxIdleTimeout"/>.
    /// </summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(DefaultIdleTimeout);

    /// <summary>Most flows at a time, 1 to <see cref="MaxMaxFlows"/>.</summary>
    public int MaxFlows { get; init; } = DefaultMaxFlows;

    /// <summary>
    /// The receiver's key, if it is known beforehand; only for a sender with <see cref="RelayProtocol.Tls"/>.
    /// </summary>
    public KeyFingerprint? ReceiverKey { get; init; }

    /// <summary>From where answers of the service are taken; only for a sender.</summary>
    public AnswersFrom AnswersFrom { get; init; } = AnswersFrom.AnyPort;

    /// <summary>Networks whose hosts may be clients; empty for all. Only for a receiver.</summary>
    public ValueList<IpPrefix> AllowedClients { get; init; } = [];

    /// <summary>
    /// New flows per second of one client (IPv6: of one /64), 1 to <see cref="MaxClientRate"/>; 0 for the bound that
    /// always holds. Only for a receiver.
    /// </summary>
    public int ClientFlowRate { get; init; }

    /// <summary>
    /// Bytes per second from one client (IPv6: from one /64), 1 to <see cref="MaxClientRate"/>; 0 for no bound. Only
    /// for a receiver.
    /// </summary>
    public int ClientByteRate { get; init; }

    /// <summary>
    /// Whether the services are told who the client is; only for a sender with <see cref="RelayProtocol.Tls"/>.
    /// </summary>
    public ProxyProtocol ProxyProtocol { get; init; }

    private protected override string KindName => "relay";

    private protected override void WriteFields(Utf8JsonWriter json, bool showSecrets)
    {
        json.WriteString(nameof(Name), Name);
        json.WriteString(nameof(Relay), Choices.Text(Choices.Role, Relay));
        if (UdpAddress.Count == 1)
        {
            json.WriteString(nameof(UdpAddress), UdpAddress[0].ToString());
        }
        else
        {
            json.WriteStartArray(nameof(UdpAddress));
            foreach (var service in UdpAddress)
            {
                json.WriteStringValue(service.ToString());
            }

            json.WriteEndArray();
        }

        json.WriteString(nameof(TcpAddress), TcpAddress.ToString());
        json.WriteString(nameof(Protocol), Choices.Text(Choices.Protocol, Protocol));
        json.WriteNumber(nameof(IdleTimeout), (long)IdleTimeout.TotalSeconds);
        json.WriteNumber(nameof(MaxFlows), MaxFlows);
        if (ReceiverKey is not null)
        {
            json.WriteString(nameof(ReceiverKey), ReceiverKey.ToString());
        }

        if (AnswersFrom != AnswersFrom.AnyPort)
        {
            json.WriteString(nameof(AnswersFrom), Choices.Text(Choices.Answers, AnswersFrom));
        }

        if (AllowedClients.Count > 0)
        {
            json.WriteStartArray(nameof(AllowedClients));
            foreach (var network in AllowedClients)
            {
                json.WriteStringValue(network.ToString());
            }

            json.WriteEndArray();
        }

        if (ClientFlowRate > 0)
        {
            json.WriteNumber(nameof(ClientFlowRate), ClientFlowRate);
        }

        if (ClientByteRate > 0)
        {
            json.WriteNumber(nameof(ClientByteRate), ClientByteRate);
        }

        if (ProxyProtocol != ProxyProtocol.Off)
        {
            json.WriteString(nameof(ProxyProtocol), Choices.Text(Choices.Proxy, ProxyProtocol));
        }
    }
}

/// <summary>The field <c>Relay</c>: which end of a relay this host is.</summary>
public enum RelayRole
{
    /// <summary>The reachable end: takes datagrams from clients and one TCP connection from the sender.</summary>
    Receiver,

    /// <summary>
    /// The end inside the private network: connects to the receiver and passes datagrams to the service.
    /// </summary>
    Sender,
}

/// <summary>The field <c>Protocol</c>: the wire format on a relay's TCP connection.</summary>
public enum RelayProtocol
{
    /// <summary>TLS 1.3 with keys on both sides and binary frames.</summary>
    Tls,

    /// <summary>A stream of JSON objects without encryption, as <c>mcudpt</c> speaks it.</summary>
    Classic,
}

/// <summary>The field <c>AnswersFrom</c>: from where a sender takes the answers of its service.</summary>
public enum AnswersFrom
{
    /// <summary>Only from the address and port that were asked.</summary>
    Asked,

    /// <summary>From any port of the address that was asked, as TFTP answers (RFC 1350).</summary>
    AnyPort,

    /// <summary>From anywhere: services with several addresses, or all hosts of a network.</summary>
    Any,
}

/// <summary>
/// Whether a sender tells the service who the client is, by a header of the PROXY protocol, version 2, in front of
/// datagrams (haproxy's doc/proxy-protocol.txt, section 2.2).
/// </summary>
public enum ProxyProtocol
{
    /// <summary>It does not.</summary>
    Off,

    /// <summary>In front of the first datagram of each flow.</summary>
    V2,

    /// <summary>In front of every datagram.</summary>
    V2Every,
}
