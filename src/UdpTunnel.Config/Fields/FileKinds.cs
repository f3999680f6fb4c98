// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Config.Fields;

/// <summary>The kinds of object in a file, as a set: those in which a field may stand.</summary>
[Flags]
internal enum FileKinds
{
    None = 0,

    /// <summary>A tunnel file of <see cref="TunnelProtocol.Classic"/>.</summary>
    Classic = 1,

    /// <summary>A tunnel file of <see cref="TunnelProtocol.WireGuard"/>.</summary>
    WireGuard = 2,

    /// <summary>A tunnel file of any protocol.</summary>
    Tunnel = Classic | WireGuard,

    /// <summary>A relay file.</summary>
    Relay = 4,

    /// <summary>An item of <c>Peers</c>.</summary>
    Peer = 8,
}
