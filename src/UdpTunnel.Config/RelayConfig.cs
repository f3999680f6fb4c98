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
