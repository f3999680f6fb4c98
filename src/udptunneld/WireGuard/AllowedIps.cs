// SPDX-License-Identifier: BSD-3-Clause

using System.Numerics;
using System.Runtime.CompilerServices;
using UdpTunnel.Config;

namespace UdpTunnel.WireGuard;

/// <summary>
/// Which peer an inner address belongs to: that of the longest prefix that the address is in. Single addresses are in a
/// hash table. What is shorter is in a trie for each family, in which a node stands only where a prefix ends or two
/// part (path compression), so that a look-up passes at most as many nodes as prefixes differ in, and never more than
/// bits.
/// </summary>
/// <remarks>
/// Nodes lie in one array and name each other by number, without a reference that the garbage collector would follow.
/// For one thread at a time.
/// </remarks>
/// <typeparam name="T">What a prefix leads to.</typeparam>
internal sealed class AllowedIps<T>
    where T : class
{
    private const int None = -1;

    private readonly Trie _v4 = new(isV6: false);
    private readonly Trie _v6 = new(isV6: true);

    // Single addresses, which most peers have and no prefix is longer than.
    private readonly Dictionary<uint, T> _hostsV4 = [];
    private readonly Dictionary<(ulong High, ulong Low), T> _hostsV6 = [];

    /// <summary>How many prefixes there are.</summary>
    public int Count => _v4.Prefixes + _v6.Prefixes + _hostsV4.Count + _hostsV6.Count;

    /// <summary>Nodes of the trie of IPv6, used and free.</summary>
    internal int NodesV6 => _v6.Nodes;

    /// <summary>Enters a prefix. One that is there goes over to the new owner.</summary>
    /// <returns>Whose it was, if it was another's; else null.</returns>
    public T? Set(IpPrefix prefix, T owner) =>
        prefix switch
        {
            { IsV6: false, Length: 32 } => Set(_hostsV4, AddressV4(prefix), owner),
            { IsV6: true, Length: 128 } => Set(_hostsV6, (prefix.High, prefix.Low), owner),
            _ => (prefix.IsV6 ? _v6 : _v4).Set(prefix, owner),
        };

    /// <summary>Takes a prefix out, if it belongs to that owner.</summary>
    /// <returns>Whether it did.</returns>
    public bool Remove(IpPrefix prefix, T owner) =>
        prefix switch
        {
            { IsV6: false, Length: 32 } => Remove(_hostsV4, AddressV4(prefix), owner),
            { IsV6: true, Length: 128 } => Remove(_hostsV6, (prefix.High, prefix.Low), owner),
            _ => (prefix.IsV6 ? _v6 : _v4).Remove(prefix, owner),
        };

    /// <summary>The owner of an IPv4 address, in host byte order; null if nobody's.</summary>
    public T? FindV4(uint address) =>
        _hostsV4.TryGetValue(address, out var owner) ? owner : _v4.Find((ulong)address << 32, 0);

    /// <summary>The owner of an IPv6 address, its two halves in host byte order; null if nobody's.</summary>
    public T? FindV6(ulong high, ulong low) =>
        _hostsV6.TryGetValue((high, low), out var owner) ? owner : _v6.Find(high, low);

    private static uint AddressV4(IpPrefix prefix) => (uint)(prefix.High >> 32);

    private static T? Set<TAddress>(Dictionary<TAddress, T> hosts, TAddress address, T owner)
        where TAddress : notnull
    {
        hosts.Remove(address, out var before);
        hosts.Add(address, owner);
        return ReferenceEquals(before, owner) ? null : before;
    }

    private static bool Remove<TAddress>(Dictionary<TAddress, T> hosts, TAddress address, T owner)
        where TAddress : notnull =>
        hosts.TryGetValue(address, out var its) && ReferenceEquals(its, owner) && hosts.Remove(address);

    private struct Node
    {
        public ulong High;
        public ulong Low;
        public int Length;
        public int Left;
        public int Right;

        // Its owner stands at the same place of another array: a reference in here would make the collector scan all
        // nodes.
        public bool EndsPrefix;
    }

    private sealed class Trie(bool isV6)
    {
        private Node[] _nodes = new Node[4];
        private T?[] _owners = new T?[4];
        private int _used;
        private int _free = None;
        private int _root = None;

        public int Prefixes { get; private set; }

        public int Nodes => _used;

        public T? Find(ulong high, ulong low)
        {
            Node[] nodes = _nodes;
            int best = None;
            int at = _root;
            while ((uint)at < (uint)nodes.Length)
            {
                ref Node node = ref nodes[at];
                if (CommonBits(node.High ^ high, node.Low ^ low) < node.Length)
                {
                    break;
                }

                best = node.EndsPrefix ? at : best;
                at = Bit(high, low, node.Length) ? node.Right : node.Left;
            }

            return best != None ? _owners[best] : null;
        }

        public T? Set(IpPrefix prefix, T owner)
        {
            int at = Place(prefix);
            if (_nodes[at].EndsPrefix)
            {
                T? before = _owners[at];
                _owners[at] = owner;
                return ReferenceEquals(before, owner) ? null : before;
            }

            _nodes[at].EndsPrefix = true;
            _owners[at] = owner;
            Prefixes++;
            return null;
        }

        public bool Remove(IpPrefix prefix, T owner)
        {
            // The way down: the node, the one above and the one above that.
            int parent = None;
            int grandparent = None;
            int at = _root;
            while (at != None && !Is(at, prefix))
            {
                ref Node node = ref _nodes[at];
                if (node.Length >= prefix.Length)
                {
                    return false;
                }

                grandparent = parent;
                parent = at;
                at = Bit(prefix.High, prefix.Low, node.Length) ? node.Right : node.Left;
            }

            if (at == None || !_nodes[at].EndsPrefix || !ReferenceEquals(_owners[at], owner))
            {
                return false;
            }

            _nodes[at].EndsPrefix = false;
            _owners[at] = null;
            Prefixes--;
            Contract(at, parent);
            if (parent != None)
            {
                Contract(parent, grandparent);
            }

            return true;
        }

        /// <summary>The node of a prefix; it is made, and another where it parts from what is there.</summary>
        private int Place(IpPrefix prefix)
        {
            int parent = None;
            int at = _root;
            while (at != None)
            {
                Node node = _nodes[at];
                int common = Math.Min(
                    CommonBits(node.High ^ prefix.High, node.Low ^ prefix.Low),
                    Math.Min(node.Length, prefix.Length)
                );
                if (common == node.Length && common == prefix.Length)
                {
                    return at;
                }

                if (common < node.Length)
                {
                    int own = Add(prefix);
                    int above = own;
                    if (common < prefix.Length)
                    {
                        above = Add(IpPrefix.Of(isV6, prefix.High, prefix.Low, common));
                        Hang(above, own, prefix.High, prefix.Low);
                    }

                    Hang(above, at, node.High, node.Low);
                    Replace(parent, at, above);
                    return own;
                }

                parent = at;
                at = Bit(prefix.High, prefix.Low, node.Length) ? node.Right : node.Left;
            }

            int added = Add(prefix);
            if (parent == None)
            {
                _root = added;
            }
            else
            {
                Hang(parent, added, prefix.High, prefix.Low);
            }

            return added;
        }

        /// <summary>Takes out a node that no prefix ends at and that does not part two.</summary>
        private void Contract(int at, int parent)
        {
            ref Node node = ref _nodes[at];
            if (node.EndsPrefix || (node.Left != None && node.Right != None))
            {
                return;
            }

            Replace(parent, at, node.Left != None ? node.Left : node.Right);
            node.Left = _free;
            _free = at;
        }

        private void Hang(int parent, int child, ulong high, ulong low)
        {
            ref Node node = ref _nodes[parent];
            if (Bit(high, low, node.Length))
            {
                node.Right = child;
            }
            else
            {
                node.Left = child;
            }
        }

        private void Replace(int parent, int before, int after)
        {
            if (parent == None)
            {
                _root = after;
            }
            else if (_nodes[parent].Left == before)
            {
                _nodes[parent].Left = after;
            }
            else
            {
                _nodes[parent].Right = after;
            }
        }

        private int Add(IpPrefix prefix)
        {
            int at = _free;
            if (at != None)
            {
                _free = _nodes[at].Left;
            }
            else
            {
                at = _used++;
                if (at == _nodes.Length)
                {
                    Array.Resize(ref _nodes, 2 * at);
                    Array.Resize(ref _owners, 2 * at);
                }
            }

            _nodes[at] = new Node
            {
                High = prefix.High,
                Low = prefix.Low,
                Length = prefix.Length,
                Left = None,
                Right = None,
            };
            return at;
        }

        private bool Is(int at, IpPrefix prefix) =>
            _nodes[at].Length == prefix.Length && _nodes[at].High == prefix.High && _nodes[at].Low == prefix.Low;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static int CommonBits(ulong high, ulong low) =>
            high != 0 ? BitOperations.LeadingZeroCount(high) : 64 + BitOperations.LeadingZeroCount(low);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static bool Bit(ulong high, ulong low, int number) =>
            (number < 64 ? high << number : low << (number - 64)) >> 63 != 0;
    }
}
