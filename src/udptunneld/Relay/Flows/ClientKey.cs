// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics.CodeAnalysis;
using UdpTunnel.Filter;
using UdpTunnel.Linux;

namespace UdpTunnel.Relay.Flows;

/// <summary>A client of a receiver: one that asks two of the receiver's ports is two clients.</summary>
/// <param name="Source">Where it sends from.</param>
/// <param name="Socket">Number of the socket that it sends to.</param>
internal readonly record struct ClientKey(Endpoint Source, uint Socket);

/// <summary>
/// Compares clients; the hash is seeded, so that nobody outside can choose sources that all fall into one bucket.
/// </summary>
internal sealed class ClientKeyComparer : IEqualityComparer<ClientKey>
{
    private readonly SeededHash _hash = new();

    /// <inheritdoc/>
    public bool Equals(ClientKey x, ClientKey y) => x.Socket == y.Socket && x.Source.Equals(y.Source);

    /// <inheritdoc/>
    public int GetHashCode([DisallowNull] ClientKey client)
    {
        var (high, low) = client.Source.AddressBits;

        // Twice, because port and scope do not fit beside the 128 bits of the address.
        return (int)_hash.Of(_hash.Of(high, low), client.Source.OtherBits ^ ((ulong)client.Socket << 16));
    }
}
