// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace UdpTunnel.Config;

/// <summary>
/// An address of this host and a port, either of which may be left out: <c>192.0.2.1</c>, <c>192.0.2.1:4500</c>,
/// <c>2001:db8::1</c>, <c>[2001:db8::1]:4500</c>, <c>:4500</c>.
/// </summary>
public sealed record LocalAddress
{
    private LocalAddress(IPAddress? address, string zone, ushort port)
    {
        Address = address;
        Zone = zone;
        Port = port;
    }

    /// <summary>The address without its zone; null for all addresses.</summary>
    public IPAddress? Address { get; }

    /// <summary>Name or number of the device that a link-local address belongs to; "" for every other one.</summary>
    public string Zone { get; }

    /// <summary>The port; 0 for none.</summary>
    public ushort Port { get; }

    /// <summary>Reads one.</summary>
    /// <param name="text">The text.</param>
    /// <param name="local">Address and port, if it names them.</param>
    /// <param name="error">What was read and what is allowed, if not.</param>
    /// <returns>True if it names them.</returns>
    public static bool TryParse(
        string text,
        [NotNullWhen(true)] out LocalAddress? local,
        [NotNullWhen(false)] out string? error
    )
    {
        ArgumentNullException.ThrowIfNull(text);
        local = null;

        // An address without a port becomes one with a port, which is left out again.
        var isV6 = text.Length > 0 && text[0] != '[' && text.AsSpan().Count(':') > 1;
        var hasPort = !isV6 && text.Contains(':', StringComparison.Ordinal) && !text.EndsWith(']');
        var whole = hasPort ? text : (isV6 ? $"[{text}]" : text) + ":1";
        if (!HostPort.TryParse(whole, out var parsed, out error))
        {
            return false;
        }

        if (parsed.Kind == HostKind.Name || parsed.IsUnspecified || (parsed.Kind == HostKind.None && !hasPort))
        {
            error = $"{Excerpt.Quote(text)} is no address of this host (such as \"192.0.2.1\" or \"192.0.2.1:4500\")";
            return false;
        }

        _ = parsed.TryGetAddress(out var address);
        local = new LocalAddress(address, parsed.Zone, hasPort ? parsed.Port : (ushort)0);
        return true;
    }

    /// <summary>The form that <see cref="TryParse"/> reads.</summary>
    /// <returns>For example <c>[2001:db8::1]:4500</c>.</returns>
    public override string ToString()
    {
        var host = Address is null ? "" : $"{Address}{(Zone.Length > 0 ? "%" : "")}{Zone}";
        return Port == 0 ? host
            : Address?.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? $"[{host}]:{Port}"
            : $"{host}:{Port}";
    }
}
