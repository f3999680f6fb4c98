// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Config;

/// <summary>The words of the fields that take one of a few, in the order in which a message lists them.</summary>
internal static class Choices
{
    /// <summary>The word for an MTU that follows the path.</summary>
    public const string Auto = "auto";

    public static readonly (string Text, OffloadMode Value)[] Offload =
    [
        ("auto", OffloadMode.Auto),
        ("off", OffloadMode.Off),
    ];

    public static readonly (string Text, RelayRole Value)[] Role =
    [
        ("receiver", RelayRole.Receiver),
        ("sender", RelayRole.Sender),
    ];

    public static readonly (string Text, RelayProtocol Value)[] Protocol =
    [
        ("tls", RelayProtocol.Tls),
        ("classic", RelayProtocol.Classic),
    ];

    public static readonly (string Text, AnswersFrom Value)[] Answers =
    [
        ("asked", AnswersFrom.Asked),
        ("any-port", AnswersFrom.AnyPort),
        ("any", AnswersFrom.Any),
    ];

    public static readonly (string Text, TunnelProtocol Value)[] TunnelProtocol =
    [
        ("classic", Config.TunnelProtocol.Classic),
        ("wireguard", Config.TunnelProtocol.WireGuard),
    ];

    public static readonly (string Text, UnknownPeers Value)[] UnknownPeers =
    [
        ("ignore", Config.UnknownPeers.Ignore),
        ("ask", Config.UnknownPeers.Ask),
    ];

    public static readonly (string Text, RouteMode Value)[] Routes = [("auto", RouteMode.Auto), ("off", RouteMode.Off)];

    public static readonly (string Text, ProxyProtocol Value)[] Proxy =
    [
        ("off", ProxyProtocol.Off),
        ("v2", ProxyProtocol.V2),
        ("v2-every", ProxyProtocol.V2Every),
    ];

    /// <summary>The word for a value.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is none of the enumeration's.</exception>
    public static string Text<T>((string Text, T Value)[] choices, T value)
        where T : struct, Enum
    {
        foreach (var choice in choices)
        {
            if (EqualityComparer<T>.Default.Equals(choice.Value, value))
            {
                return choice.Text;
            }
        }

        throw new ArgumentOutOfRangeException(nameof(value), value, null);
    }
}
