namespace UdpTunnel.Linux;

/// <summary>A group of the system.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Id">Its number.</param>
internal sealed record UnixGroup(string Name, uint Id);
