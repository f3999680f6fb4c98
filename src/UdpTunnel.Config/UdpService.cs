// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics.CodeAnalysis;

namespace UdpTunnel.Config;

/// <summary>
/// One UDP service of a relay, or several on consecutive ports: <c>:53</c>, <c>game.lan:27015-27030</c>, and at a
/// sender also <c>53=dns.lan:5353</c>, which names the receiver's port in front where it is another one.
/// </summary>
public sealed record UdpService
{
    private UdpService(HostPort address, int count, ushort receiverPort, bool isMapped)
    {
        Address = address;
        Count = count;
        ReceiverPort = receiverPort;
        IsMapped = isMapped;
    }

    /// <summary>Host and first port: where clients send to at a receiver, where the service is at a sender.</summary>
    public HostPort Address { get; }

    /// <summary>How many consecutive ports there are, from the first one on; at least 1.</summary>
    public int Count { get; }

    /// <summary>
    /// The first of the receiver's ports: the same as that of <see cref="Address"/> unless it is named.
    /// </summary>
    public ushort ReceiverPort { get; }

    /// <summary>Whether the receiver's ports are named, as in <c>53=dns.lan:5353</c>.</summary>
    public bool IsMapped { get; }

    /// <summary>The receiver's ports.</summary>
    public PortRange ReceiverPorts => new(ReceiverPort, (ushort)(ReceiverPort + Count - 1));

    /// <summary>One service on one port.</summary>
    /// <param name="address">Where it is.</param>
    /// <returns>The service.</returns>
    public static UdpService At(HostPort address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return new UdpService(address, 1, address.Port, false);
    }

    /// <summary>Reads a service.</summary>
    /// <param name="text">The text.</param>
    /// <param name="service">The service, if it names one.</param>
    /// <param name="error">What was read and what is allowed, if not.</param>
    /// <returns>True if it names one.</returns>
    public static bool TryParse(
        string text,
        [NotNullWhen(true)] out UdpService? service,
        [NotNullWhen(false)] out string? error
    )
    {
        ArgumentNullException.ThrowIfNull(text);
        service = null;
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        var bracket = text.IndexOf('[', StringComparison.Ordinal);
        PortRange? mapped = null;
        if (equals >= 0 && (bracket < 0 || equals < bracket))
        {
            if (!PortRange.TryParse(text[..equals], out var ports, out error))
            {
                return false;
            }

            mapped = ports;
            text = text[(equals + 1)..];
        }

        // A name may have a dash, a port may not.
        var dash = text.IndexOf('-', text.LastIndexOf(':') + 1);
        if (!HostPort.TryParse(dash < 0 ? text : text[..dash], out var address, out error))
        {
            return false;
        }

        var last = address.Port;
        if (dash >= 0 && !PortRange.TryParsePort(text.AsSpan(dash + 1), out last))
        {
            error = $"{Excerpt.Quote(text.AsSpan(dash + 1))} is not the last port of a range (1 to 65535)";
            return false;
        }

        if (last < address.Port)
        {
            error = $"{Excerpt.Quote(text)} has a range backwards (write {last}-{address.Port})";
            return false;
        }

        var count = last - address.Port + 1;
        if (mapped is { } receiver && receiver.Count != count)
        {
            error =
                $"{receiver} has {Ports(receiver.Count)} of the receiver, and {Excerpt.Quote(text)} "
                + $"{Ports(count)}: they map one to one";
            return false;
        }

        service = new UdpService(address, count, mapped?.First ?? address.Port, mapped is not null);
        error = null;
        return true;
    }

    /// <summary>The form that <see cref="TryParse"/> reads.</summary>
    /// <returns>For example <c>53=dns.lan:5353</c>.</returns>
    public override string ToString()
    {
        var address = Count == 1 ? $"{Address}" : $"{Address}-{Address.Port + Count - 1}";
        return IsMapped ? $"{ReceiverPorts}={address}" : address;
    }

    private static string Ports(int count) => count == 1 ? "1 port" : $"{count} ports";
}
