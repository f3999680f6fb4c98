// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics.CodeAnalysis;
using System.Net;
using UdpTunnel.Config;

namespace UdpTunnel.Metrics;

/// <summary>
/// Where metrics are served: a loopback address and port, or the path of a Unix socket. Nothing else, since nobody has
/// to show who he is there and the names of tunnels and relays are nobody else's business.
/// </summary>
/// <param name="Endpoint">The address, or null.</param>
/// <param name="SocketPath">The path, or null.</param>
internal sealed record MetricsAddress(IPEndPoint? Endpoint, string? SocketPath)
{
    /// <summary>What may be written.</summary>
    private const string Allowed = "127.0.0.1:9586, [::1]:9586 or unix:/run/udptunnel/metrics.sock, for example";

    /// <summary>Reads an address.</summary>
    /// <param name="text">The text.</param>
    /// <param name="address">The address, if it is one.</param>
    /// <param name="error">What was read and what is allowed, if not.</param>
    public static bool TryParse(
        string text,
        [NotNullWhen(true)] out MetricsAddress? address,
        [NotNullWhen(false)] out string? error
    )
    {
        address = null;
        if (text.StartsWith("unix:", StringComparison.Ordinal) || text.StartsWith('/'))
        {
            var path = text[(text[0] == '/' ? 0 : "unix:".Length)..];
            error = path.StartsWith('/') ? null : $"{Excerpt.Quote(text)} is no path from the root ({Allowed})";
            address = error is null ? new MetricsAddress(null, path) : null;
            return error is null;
        }

        if (!HostPort.TryParse(text, out var parsed, out var reason))
        {
            error = $"{reason} ({Allowed})";
            return false;
        }

        if (!parsed.TryGetAddress(out var ip))
        {
            error = $"{Excerpt.Quote(text)} names no address ({Allowed})";
            return false;
        }

        if (!IPAddress.IsLoopback(ip) || parsed.Zone.Length > 0)
        {
            error =
                $"{Excerpt.Quote(text)} can be reached from elsewhere; metrics are served to this host alone ({Allowed})";
            return false;
        }

        error = null;
        address = new MetricsAddress(new IPEndPoint(ip, parsed.Port), null);
        return true;
    }
}
