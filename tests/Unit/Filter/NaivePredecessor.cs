// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Packets;

namespace UdpTunnel.Tests.Filter;

/// <summary>
/// The rules of the predecessor, which knows a flow by its ephemeral port alone. Ours must agree wherever that is
/// enough to know it.
/// </summary>
internal sealed class NaivePredecessor(HashSet<ushort> ports)
{
    private readonly uint?[] _lastOut = new uint?[65_536];
    private readonly uint?[] _lastIn = new uint?[65_536];

    public bool Passes(Direction direction, ushort source, ushort destination, uint now)
    {
        uint?[] mine = direction == Direction.Out ? _lastOut : _lastIn;
        uint?[] others = direction == Direction.Out ? _lastIn : _lastOut;
        if (ports.Contains(source) && ports.Contains(destination))
        {
            return true;
        }

        if (ports.Contains(source))
        {
            return others[destination] is { } last && now - last < 300;
        }

        if (ports.Contains(destination))
        {
            mine[source] = now;
            return true;
        }

        return false;
    }
}
