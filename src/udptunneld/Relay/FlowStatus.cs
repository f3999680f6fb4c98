namespace UdpTunnel.Relay;

/// <summary>What can be told about a flow at one moment.</summary>
/// <param name="Client">The client; empty if it is not known at this end.</param>
/// <param name="Id">Number on the wire; 0 if it has none.</param>
/// <param name="Age">Since it was opened.</param>
/// <param name="Idle">Since the last datagram in either direction.</param>
/// <param name="Traffic">What it carried.</param>
/// <param name="Port">The receiver's port that the client sends to; 0 if it is not known.</param>
internal sealed record FlowStatus(string Client, uint Id, TimeSpan Age, TimeSpan Idle, RelayTraffic Traffic, int Port);
