// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Config;

/// <summary>The field <c>Protocol</c> of a tunnel: what it speaks to its other end or ends.</summary>
public enum TunnelProtocol
{
    /// <summary>The predecessor's: one peer, IPv4, no encryption. Files without the field mean it.</summary>
    Classic,

    /// <summary>WireGuard's: many peers, IPv4 and IPv6, encrypted and authenticated.</summary>
    WireGuard,
}

/// <summary>The field <c>UnknownPeers</c>: what happens to a handshake with a key that is no peer's.</summary>
public enum UnknownPeers
{
    /// <summary>Nothing, as WireGuard has it: no answer, nothing kept.</summary>
    Ignore,

    /// <summary>A person is asked; until then nothing of theirs passes.</summary>
    Ask,
}

/// <summary>The field <c>Routes</c>: whether the networks of the peers get routes to the device.</summary>
public enum RouteMode
{
    /// <summary>They do.</summary>
    Auto,

    /// <summary>Somebody else sets them.</summary>
    Off,
}
