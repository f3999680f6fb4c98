namespace UdpTunnel.Filter;

/// <summary>
/// The IPv4 addresses that this host has, and the broadcast addresses of its networks: nobody else's packets may come from these. Looked up again when
/// somebody asks to <see cref="Refresh"/>; read by any thread without waiting.
/// </summary>
/// <param name="list">The addresses of all devices, in host order, with the lengths of their prefixes; may throw an IOException.</param>
internal sealed class HostAddresses(Func<IEnumerable<(uint Address, int PrefixLength)>> list)
{
    /// <summary>Milliseconds between two look-ups, which cost some system calls.</summary>
    private const long Interval = 2000;

    // With prefixes of 31 and 32 bits there is no broadcast address (RFC 3021).
    private const int LongestWithBroadcast = 30;

    private volatile uint[] _sorted = [];
    private volatile uint[] _broadcasts = [];
    private long _refreshed = -Interval;

    /// <summary>Changes when the addresses do; for those who remember an answer.</summary>
    public object Version => _sorted;

    /// <summary>Whether an address (host order) is one of them.</summary>
    public bool Contains(uint address) => Array.BinarySearch(_sorted, address) >= 0;

    /// <summary>Whether an address (host order) is the broadcast address of a network of this host.</summary>
    public bool IsBroadcast(uint address) => Array.BinarySearch(_broadcasts, address) >= 0;

    /// <summary>Looks the addresses up again, if that was not done just now. Where the kernel does not answer, those of before stay.</summary>
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
            var addresses = all.Select(a => a.Address)
                .Concat(broadcasts)
                .Order()
                .Distinct()
                .ToArray();
            if (!addresses.AsSpan().SequenceEqual(_sorted))
            {
                _broadcasts = broadcasts;
                _sorted = addresses;
            }
        }
        catch (IOException)
        {
            // The next call is soon.
        }
    }
}
