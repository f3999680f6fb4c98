// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.V1;

namespace UdpTunnel.Tests.Api;

/// <summary>Texts of configurations. Ports and addresses are those of the daemon's own network.</summary>
internal static class Configurations
{
    /// <summary>A server's.</summary>
    /// <param name="number">Makes port and address differ from other tunnels'; 1 to 250.</param>
    /// <param name="more">More fields, each behind a comma.</param>
    public static string Server(int number, string more = "") =>
        $$"""{"TunnelAddress": "10.99.{{number}}.1/24", "NetworkAddress": ":{{Port(number)}}", "AllowedPorts": [22, "8000-8010"]{{more}}}""";

    /// <summary>A client's, of a server on the loopback.</summary>
    public static string Client(int number, string more = "") =>
        $$"""{"TunnelAddress": "10.99.{{number}}.2/24", "NetworkAddress": "127.0.0.1:{{Port(number)}}", "AllowedPorts": [22]{{more}}}""";

    /// <summary>The port of the server with a number.</summary>
    public static int Port(int number) => 20000 + number;

    /// <summary>Starts a server.</summary>
    public static StartTunnelRequest Start(string name, int number, string more = "") =>
        new() { Name = name, Configuration = Server(number, more) };
}
