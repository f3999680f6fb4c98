namespace UdpTunnel.Config.Fields;

/// <summary>The kinds of configuration file, as a set: those in which a field may stand.</summary>
[Flags]
internal enum FileKinds
{
    None = 0,
    Tunnel = 1,
    Relay = 2,
}
