namespace UdpTunnel.Relay;

/// <summary>Datagrams and their bytes in both directions.</summary>
internal readonly record struct RelayTraffic(long PacketsToService, long BytesToService, long PacketsToClients, long BytesToClients);
