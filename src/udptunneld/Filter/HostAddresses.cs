// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Filter;

/// <summary>
/// The addresses that this host has, and the broadcast addresses of its IPv4 networks: nobody else's packets may come
/// from these. Looked up again when somebody asks to <see cref="Refresh"/>; read by any thread without waiting.
/// </summary>
/// <param name="list">
/// The IPv4 addresses of all devices, in host order, with the lengths of their prefixes; may throw an IOException.
/// </param>
/// <param name="listV6">The IPv6 addresses of all devices; null for none. May throw an IOException.</param>
internal sealed class HostAddresses(
    Func<IEnumerable<(uint Address, int PrefixLength)>> list,
    Func<IEnumerable<UInt128>>? listV6 = null
)
{
    /// <summary>Milliseconds between two look-ups, which cost some system calls.</summary>
    private const long Interval = 2000;

    // With prefixes of 31 and 32 bits there is no broadcast address (RFC 3021).
    private const int LongestWithBroadcast = 30;

    private volatile Known _known = new([], [], []);
    private long _refreshed = -Interval;

    /// <summary>Changes when the addresses do; for those who remember an answer.</summary>
    public object Version => _known;

    /// <summary>Whether an IPv4 address (host order) is one of them.</summary>
    public bool Contains(uint address) => Array.BinarySearch(_known.V4, address) >= 0;

    /// <summary>Whether an IPv6 address is one of them.</summary>
    public bool Contains(UInt128 address) => Array.BinarySearch(_known.V6, address) >= 0;

    /// <summary>Whether an address (host order) is the broadcast address of a network of this host.</summary>
    public bool IsBroadcast(uint address) => Array.BinarySearch(_known.Broadcasts, address) >= 0;

    /// <summary>
    /// Looks the addresses up again, if that was not done just now. Where the kernel does not answer, those of before
    /// stay.
    /// </summary>
    /// <param name="now">Milliseconds of the monotonic clock.</param>
    /// <param name="force">Also if it was done just now: an address is known to be new.</param>
    public void Refresh(long now, bool force = false)
    {
        var last = Volatile.Read(ref _refreshed);
        if ((!force && now - last < Interval) || Interlocked.CompareExchange(ref _refreshed, now, last) != last)
        {
            return;
        }

        try
        {
            var all = list().ToList();
            uint[] broadcasts =
            [
                .. all.Where(a => a.PrefixLength <= LongestWithBroadcast)
                    .Select(a => a.Address | (uint.MaxValue >> a.PrefixLength))
                    .Order(),
            ];
            var addresses = all.Select(a => a.Address).Concat(broadcasts).Order().Distinct().ToArray();
            var addressesV6 = listV6?.Invoke().Order().Distinct().ToArray() ?? [];
            if (!addresses.AsSpan().SequenceEqual(_known.V4) || !addressesV6.AsSpan().SequenceEqual(_known.V6))
            {
                _known = new Known(addresses, broadcasts, addressesV6);
            }
        }
        catch (IOException)
        {
            // The next call is soon.
        }
    }

    /// <summary>All in ascending order; the broadcast addresses are among the first as well.</summary>
    private sealed record Known(uint[] V4, uint[] Broadcasts, UInt128[] V6);
}
