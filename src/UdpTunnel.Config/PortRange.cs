// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics.CodeAnalysis;

namespace UdpTunnel.Config;

/// <summary>Ports from one to another, both included; a single port is a range of one.</summary>
public readonly record struct PortRange
{
    /// <summary>Makes a range.</summary>
    /// <param name="first">First port, 1 to 65,535.</param>
    /// <param name="last">Last port, not before <paramref name="first"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">Port 0, or the last comes before the first.</exception>
    public PortRange(ushort first, ushort last)
    {
        ArgumentOutOfRangeException.ThrowIfZero(first);
        ArgumentOutOfRangeException.ThrowIfLessThan(last, first);
        First = first;
        Last = last;
    }

    /// <summary>Makes a range of one port.</summary>
    /// <param name="port">The port, 1 to 65,535.</param>
    /// <exception cref="ArgumentOutOfRangeException">Port 0.</exception>
    public PortRange(ushort port)
        : this(port, port) { }

    /// <summary>First port.</summary>
    public ushort First { get; }

    /// <summary>Last port.</summary>
    public ushort Last { get; }

    /// <summary>How many ports it has.</summary>
    public int Count => Last - First + 1;

    /// <summary>Whether a port is in it.</summary>
    /// <param name="port">The port.</param>
    /// <returns>True if it is.</returns>
    public bool Contains(ushort port) => port >= First && port <= Last;

    /// <summary>Reads <c>22</c> or <c>8000-8010</c>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="range">The range, if it is one.</param>
    /// <param name="error">What was read and what is allowed, if it is none.</param>
    /// <returns>True if it is one.</returns>
    public static bool TryParse(string text, out PortRange range, [NotNullWhen(false)] out string? error)
    {
        ArgumentNullException.ThrowIfNull(text);
        range = default;
        error = null;
        var dash = text.IndexOf('-', StringComparison.Ordinal);
        var firstText = dash < 0 ? text : text.AsSpan(0, dash);
        var lastText = dash < 0 ? text : text.AsSpan(dash + 1);
        if (!TryParsePort(firstText, out var first) || !TryParsePort(lastText, out var last))
        {
            error = $"{Excerpt.Quote(text)} is not a port or range of ports (such as 22 or \"8000-8010\"; 1 to 65535)";
        }
        else if (last < first)
        {
            error = $"{Excerpt.Quote(text)} is a range backwards (write \"{last}-{first}\")";
        }
        else
        {
            range = new PortRange(first, last);
        }

        return error is null;
    }

    /// <summary>The form that <see cref="TryParse"/> reads.</summary>
    /// <returns><c>22</c> or <c>8000-8010</c>.</returns>
    public override string ToString() => First == Last ? $"{First}" : $"{First}-{Last}";

    /// <summary>Reads one port, 1 to 65,535, in digits alone.</summary>
    internal static bool TryParsePort(ReadOnlySpan<char> text, out ushort port)
    {
        var isPort = DecimalNumber.TryParse(text, ushort.MaxValue, out var value) && value != 0;
        port = isPort ? (ushort)value : (ushort)0;
        return isPort;
    }
}
