using System.Diagnostics.CodeAnalysis;
using UdpTunnel.Filter;
using UdpTunnel.Linux;

namespace UdpTunnel.Relay.Flows;

/// <summary>Compares clients; the hash is seeded, so that nobody outside can choose sources that all fall into one bucket.</summary>
internal sealed class EndpointComparer : IEqualityComparer<Endpoint>
{
    private readonly SeededHash _hash = new();

    /// <inheritdoc/>
    public bool Equals(Endpoint x, Endpoint y) => x.Equals(y);

    /// <inheritdoc/>
    public int GetHashCode([DisallowNull] Endpoint endpoint)
    {
        var (high, low) = endpoint.AddressBits;

        // Twice, because port and scope do not fit beside the 128 bits of the address.
        return (int)_hash.Of(_hash.Of(high, low), endpoint.OtherBits);
    }
}
