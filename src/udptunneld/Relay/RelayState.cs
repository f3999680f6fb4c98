namespace UdpTunnel.Relay;

/// <summary>How a relay is. Values follow <c>udptunnel.v1.RelayState</c>.</summary>
internal enum RelayState
{
    Waiting = 1,
    Connecting = 2,
    Pending = 3,
    Running = 4,
    Refused = 5,
    Failed = 6,
}
