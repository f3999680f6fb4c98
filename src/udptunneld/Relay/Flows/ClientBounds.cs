// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Config;
using UdpTunnel.Linux;

namespace UdpTunnel.Relay.Flows;

/// <summary>
/// Who may be a client of a receiver, and how much of it: what its configuration says. Belongs to the receiver's
/// thread.
/// </summary>
/// <param name="config">The receiver's.</param>
internal sealed class ClientBounds(RelayConfig config)
{
    // Two clients seldom fall into one bucket. 1 MiB, where a rate is configured.
    private const int Buckets = 65_536;

    // A datagram of the greatest length passes after a rest, whatever the rate.
    private const int LeastBurst = 65_536;

    private readonly Network[] _allowed = [.. config.AllowedClients.Select(n => new Network(n))];
    private readonly TokenBuckets? _flows =
        config.ClientFlowRate == 0 ? null : new TokenBuckets(config.ClientFlowRate, config.ClientFlowRate, Buckets);

    private readonly TokenBuckets? _bytes =
        config.ClientByteRate == 0
            ? null
            : new TokenBuckets(config.ClientByteRate, Math.Max(config.ClientByteRate, LeastBurst), Buckets);

    /// <summary>Whether a client may open a flow.</summary>
    /// <param name="client">The client.</param>
    /// <param name="now">Milliseconds.</param>
    /// <returns><see cref="RelayDropReason.None"/>, or why not.</returns>
    public RelayDropReason MayOpen(in Endpoint client, long now)
    {
        if (!IsAllowed(client))
        {
            return RelayDropReason.ClientNotAllowed;
        }

        var (high, low) = client.AddressBits;
        return _flows is null || _flows.TryTake(high, low, now) ? RelayDropReason.None : RelayDropReason.FlowRate;
    }

    /// <summary>Whether a client may send so many bytes.</summary>
    public bool MaySend(in Endpoint client, int bytes, long now)
    {
        if (_bytes is null)
        {
            return true;
        }

        var (high, low) = client.AddressBits;
        return _bytes.TryTake(high, low, now, bytes);
    }

    /// <summary>Whether a client may have a flow.</summary>
    public bool IsAllowed(in Endpoint client)
    {
        if (_allowed.Length == 0)
        {
            return true;
        }

        var (high, low) = client.AddressBits;
        foreach (ref readonly var network in _allowed.AsSpan())
        {
            if (network.Contains(high, low))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A network in the form of <see cref="Endpoint.AddressBits"/>.</summary>
    private readonly struct Network
    {
        private readonly ulong _high;
        private readonly ulong _low;
        private readonly ulong _highMask;
        private readonly ulong _lowMask;

        public Network(IpPrefix network)
        {
            (_high, _low) = Endpoint.From(new IPEndPoint(network.Address, 0), dualStack: true).AddressBits;
            var length = network.Length + (network.IsV6 ? 0 : 96);
            _highMask = MaskOf(Math.Min(length, 64));
            _lowMask = MaskOf(Math.Max(length - 64, 0));
        }

        public bool Contains(ulong high, ulong low) => (high & _highMask) == _high && (low & _lowMask) == _low;

        private static ulong MaskOf(int length) => length == 0 ? 0 : ulong.MaxValue << (64 - length);
    }
}
