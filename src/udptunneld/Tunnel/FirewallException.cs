namespace UdpTunnel.Tunnel;

/// <summary>The firewall table that a tunnel asks for cannot be had; the message says why.</summary>
internal sealed class FirewallException(string message) : Exception(message);
