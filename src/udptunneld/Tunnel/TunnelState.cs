namespace UdpTunnel.Tunnel;

/// <summary>How a tunnel is. Values and names follow <c>udptunnel.v1.TunnelState</c>, where each is explained to users.</summary>
internal enum TunnelState
{
    Resolving = 1,
    Waiting = 2,
    Running = 3,
    DeviceLost = 4,
    Failed = 5,
}
