// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Filter;

namespace UdpTunnel.Tests.Tunnel;

/// <summary>Address rules for tests of something else.</summary>
internal static class Rules
{
    /// <summary>Those of a host without addresses and a file without networks.</summary>
    public static AddressRules None => new(new HostAddresses(() => []), [], []);
}
