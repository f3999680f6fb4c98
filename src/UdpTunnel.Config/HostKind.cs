// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Config;

/// <summary>What the host of a <see cref="HostPort"/> is.</summary>
public enum HostKind
{
    /// <summary>Empty.</summary>
    None,

    /// <summary>A DNS name (RFC 1123, section 2.1).</summary>
    Name,

    /// <summary>An IPv4 address.</summary>
    IPv4,

    /// <summary>An IPv6 address, with a zone if and only if it is link-local.</summary>
    IPv6,
}
