// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics.CodeAnalysis;

namespace UdpTunnel.Config;

/// <summary>An IPv4 network, for example <c>10.0.0.0/24</c>; a single address is its own network of 32 bits.</summary>
/// <param name="Address">First address, in host order: the bits behind the prefix are 0.</param>
/// <param name="PrefixLength">Length of the prefix in bits, 0 to 32.</param>
public readonly record struct Ipv4Network(uint Address, int PrefixLength)
{
    /// <summary>The network that an address with a prefix belongs to.</summary>
    /// <param name="address">Any address of the network, in host order.</param>
    /// <param name="prefixLength">Length of the prefix in bits, 0 to 32.</param>
    /// <returns>The network.</returns>
    public static Ipv4Network Of(uint address, int prefixLength) => new(address & Mask(prefixLength), prefixLength);

    /// <summary>Whether an address (host order) is in the network.</summary>
    /// <param name="address">The address.</param>
    /// <returns>True if it is.</returns>
    public bool Contains(uint address) => (address & Mask(PrefixLength)) == Address;

    /// <summary>Whether two networks have an address in common; then one contains the other.</summary>
    /// <param name="other">The other one.</param>
    /// <returns>True if they have.</returns>
    public bool Overlaps(Ipv4Network other) => Contains(other.Address) || other.Contains(Address);

    /// <summary>Reads <c>10.0.0.0/24</c> or <c>10.0.0.1</c>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="network">The network, if it is one.</param>
    /// <param name="error">What was read and what is allowed, if not.</param>
    /// <returns>True if it is one.</returns>
    public static bool TryParse(string text, out Ipv4Network network, [NotNullWhen(false)] out string? error)
    {
        ArgumentNullException.ThrowIfNull(text);
        network = default;
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var prefixLength = 32;
        if (!Ipv4Literal.TryParse(slash < 0 ? text : text.AsSpan(0, slash), out var address))
        {
            error = $"{Excerpt.Quote(text)} is not an IPv4 network (such as \"10.0.0.0/24\" or \"10.0.0.1\")";
            return false;
        }

        error = null;
        if (slash >= 0 && !NetworkLength.TryParse(text.AsSpan(slash + 1), 0, 32, out prefixLength, out error))
        {
            return false;
        }

        network = Of(address, prefixLength);
        error =
            network.Address == address
                ? null
                : $"{Excerpt.Quote(text)} has bits behind its prefix (\"{network}\" is the network)";
        return error is null;
    }

    /// <summary>The form that <see cref="TryParse"/> reads.</summary>
    /// <returns>For example <c>10.0.0.0/24</c>.</returns>
    public override string ToString() =>
        $"{Address >> 24}.{(byte)(Address >> 16)}.{(byte)(Address >> 8)}.{(byte)Address}/{PrefixLength}";

    private static uint Mask(int prefixLength) => prefixLength == 0 ? 0 : uint.MaxValue << (32 - prefixLength);
}
