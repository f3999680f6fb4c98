namespace UdpTunnel.Events;

/// <summary>A bound that others can hit. Values and names follow <c>udptunnel.v1.Limit</c>, where each is explained to users.</summary>
internal enum Limit
{
    None = 0,
    Flows = 1,
    FlowRate = 2,
    Queue = 3,
    PendingSenders = 4,
    Descriptors = 5,
    ReceiveBuffer = 6,
    Streams = 7,
    Connections = 8,
    Tunnels = 9,
    Relays = 10,
}
