// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace UdpTunnel.Config;

/// <summary>
/// A host, which may be empty, and a port: <c>:8000</c>, <c>example.com:8000</c>, <c>192.0.2.1:8000</c>,
/// <c>[2001:db8::1]:8000</c>.
/// </summary>
/// <remarks>Reading one looks nothing up: neither names, nor services, nor the devices of this host.</remarks>
public sealed record HostPort
{
    private HostPort(HostKind kind, string host, ushort port)
    {
        Kind = kind;
        Host = host;
        Port = port;
    }

    /// <summary>What <see cref="Host"/> is.</summary>
    public HostKind Kind { get; }

    /// <summary>
    /// The host; "" for none. An IPv6 address stands in its canonical form (RFC 5952), without brackets, with
    /// <c>%zone</c> if it is link-local; a name as it was written, in other letters than ASCII's as resolvers take it
    /// (<c>xn--…</c>).
    /// </summary>
    public string Host { get; }

    /// <summary>The port, 1 to 65,535; 0 only in <see cref="AnyPort"/>.</summary>
    public ushort Port { get; private init; }

    /// <summary>No host, and a port of the kernel's choice. <see cref="TryParse"/> never gives it.</summary>
    public static HostPort AnyPort { get; } = new(HostKind.None, "", 0);

    /// <summary>Whether the host is 0.0.0.0 or ::, which can be bound but not reached.</summary>
    public bool IsUnspecified =>
        Kind switch
        {
            HostKind.IPv4 => Host == "0.0.0.0",
            HostKind.IPv6 => Host == "::",
            _ => false,
        };

    /// <summary>
    /// The zone of a link-local address, which is a device's name or number on this host; "" for every other host.
    /// </summary>
    public string Zone => Host.IndexOf('%', StringComparison.Ordinal) is var at and >= 0 ? Host[(at + 1)..] : "";

    /// <summary>The same host with another port.</summary>
    /// <param name="port">The port, 1 to 65,535.</param>
    /// <returns>Host and port.</returns>
    public HostPort WithPort(int port)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(port, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(port, ushort.MaxValue);
        return this with { Port = (ushort)port };
    }

    /// <summary>Reads a host and a port.</summary>
    /// <param name="text">The text.</param>
    /// <param name="address">Host and port, if it names them.</param>
    /// <param name="error">What was read and what is allowed, if not.</param>
    /// <returns>True if it names them.</returns>
    public static bool TryParse(
        string text,
        [NotNullWhen(true)] out HostPort? address,
        [NotNullWhen(false)] out string? error
    )
    {
        ArgumentNullException.ThrowIfNull(text);
        address = null;
        if (!TrySplit(text, out var host, out var port, out error))
        {
            return false;
        }

        if (!PortRange.TryParsePort(port, out var number))
        {
            error = $"{Excerpt.Quote(port)} is not a port (1 to 65535; names of services are not looked up)";
            return false;
        }

        var isBracketed = text.StartsWith('[');
        if (isBracketed)
        {
            if (!TryParseIPv6(host, out var canonical, out error))
            {
                return false;
            }

            address = new HostPort(HostKind.IPv6, canonical, number);
            return true;
        }

        var written = host.ToString();
        var name = DnsName.ToAscii(written) ?? written;
        error = WhyNoHost(name, out var kind);
        address = error is null ? new HostPort(kind, name, number) : null;
        return error is null;
    }

    /// <summary>
    /// The address, if the host is one; the zone of a link-local address is left out, see <see cref="Zone"/>.
    /// </summary>
    /// <param name="address">The address.</param>
    /// <returns>False if the host is empty or a name.</returns>
    public bool TryGetAddress([NotNullWhen(true)] out IPAddress? address)
    {
        var zone = Host.IndexOf('%', StringComparison.Ordinal);
        address = Kind is HostKind.IPv4 or HostKind.IPv6
            ? IPAddress.Parse(zone < 0 ? Host : Host.AsSpan(0, zone))
            : null;
        return address is not null;
    }

    /// <summary>The form that <see cref="TryParse"/> reads.</summary>
    /// <returns>For example <c>[2001:db8::1]:8000</c>.</returns>
    public override string ToString() => Kind == HostKind.IPv6 ? $"[{Host}]:{Port}" : $"{Host}:{Port}";

    private static bool TrySplit(
        string text,
        out ReadOnlySpan<char> host,
        out ReadOnlySpan<char> port,
        [NotNullWhen(false)] out string? error
    )
    {
        host = default;
        port = default;
        error = null;
        var colon = text.LastIndexOf(':');
        if (text.StartsWith('['))
        {
            var close = text.IndexOf(']', StringComparison.Ordinal);
            if (close < 0)
            {
                error = $"{Excerpt.Quote(text)} has no ']' (such as \"[2001:db8::1]:8000\")";
                return false;
            }

            host = text.AsSpan(1, close - 1);
            colon = close + 1 < text.Length && text[close + 1] == ':' ? close + 1 : -1;
        }
        else if (colon != text.IndexOf(':', StringComparison.Ordinal))
        {
            error = $"{Excerpt.Quote(text)} has too many ':' (IPv6 needs brackets, such as \"[2001:db8::1]:8000\")";
            return false;
        }
        else
        {
            host = text.AsSpan(0, Math.Max(colon, 0));
        }

        if (colon < 0 || colon + 1 == text.Length)
        {
            error = $"{Excerpt.Quote(text)} has no port (such as \":8000\" or \"example.com:8000\")";
            return false;
        }

        port = text.AsSpan(colon + 1);
        return true;
    }

    private static string? WhyNoHost(ReadOnlySpan<char> host, out HostKind kind)
    {
        kind = HostKind.None;
        if (host.IsEmpty)
        {
            return null;
        }

        // What ends in a number is an address or a mistake, never a name: resolvers take "1.2.3" for 1.2.0.3.
        if (DnsName.EndsInNumber(host))
        {
            kind = HostKind.IPv4;
            return Ipv4Literal.TryParse(host, out _)
                ? null
                : $"{Excerpt.Quote(host)} is not an IPv4 address (such as \"192.0.2.1\")";
        }

        kind = HostKind.Name;
        return DnsName.IsValid(host)
            ? null
            : $"{Excerpt.Quote(host)} is not the name of a host (letters, digits, '-' and '_' between dots)";
    }

    private static bool TryParseIPv6(
        ReadOnlySpan<char> text,
        [NotNullWhen(true)] out string? canonical,
        [NotNullWhen(false)] out string? error
    )
    {
        canonical = null;
        error = null;
        var percent = text.IndexOf('%');
        var digits = percent < 0 ? text : text[..percent];
        if (!IpLiteral.TryParseIPv6(digits, out var address))
        {
            error = $"{Excerpt.Quote(text)} is not an IPv6 address (such as \"2001:db8::1\")";
            return false;
        }

        var zone = percent < 0 ? "" : text[(percent + 1)..];
        if (address.IsIPv6LinkLocal != (percent >= 0) || (percent >= 0 && !DeviceName.IsValid(zone)))
        {
            error = address.IsIPv6LinkLocal
                ? $"{Excerpt.Quote(text)} needs the device that it belongs to (such as \"fe80::1%eth0\")"
                : $"{Excerpt.Quote(text)} cannot have a zone: only link-local addresses (fe80::/10) do";
            return false;
        }

        canonical = percent < 0 ? address.ToString() : $"{address}%{zone}";
        return true;
    }
}
