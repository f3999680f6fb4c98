namespace UdpTunnel.Tunnel;

/// <summary>Inner packets and their bytes since the tunnel started.</summary>
internal readonly record struct TrafficTotals(long PacketsOut, long BytesOut, long PacketsIn, long BytesIn);
