// SPDX-License-Identifier: BSD-3-Clause

using System.Net;

namespace UdpTunnel.Hosting;

/// <summary>
/// The addresses of a name, and the one in use: kept as long as the name has it and nobody leaves it. For any thread.
/// </summary>
internal sealed class NameAddresses
{
    private readonly Lock _gate = new();
    private IPAddress[] _all = [];
    private IPAddress? _current;

    /// <summary>The one in use; null while none is known.</summary>
    public IPAddress? Current
    {
        get
        {
            lock (_gate)
            {
                return _current;
            }
        }
    }

    /// <summary>All of them, in the order in which they are tried: an array that never changes.</summary>
    public IPAddress[] All
    {
        get
        {
            lock (_gate)
            {
                return _all;
            }
        }
    }

    /// <summary>
    /// Takes the answer of a look-up: the one in use stays if it is still there, else the first one follows, which the
    /// system ranks best (RFC 6724).
    /// </summary>
    /// <returns>The one in use from now on; null, and nothing changes, if there are none.</returns>
    public IPAddress? Take(IPAddress[] found)
    {
        lock (_gate)
        {
            if (found.Length == 0)
            {
                return null;
            }

            _all = Interleave(found);
            return _current is not null && _all.Contains(_current) ? _current : (_current = _all[0]);
        }
    }

    /// <summary>
    /// Goes on to another one, which the name need not have: what a run before used, and what somebody else found out.
    /// </summary>
    public void Use(IPAddress address)
    {
        lock (_gate)
        {
            _current = address;
        }
    }

    /// <summary>One does not work: goes on to the next.</summary>
    /// <returns>The next one; null, and nothing changes, if that was not the one in use or there is no other.</returns>
    public IPAddress? Leave(IPAddress failed)
    {
        lock (_gate)
        {
            if (!failed.Equals(_current) || _all.All(failed.Equals))
            {
                return null;
            }

            return _current = _all[(Array.IndexOf(_all, failed) + 1) % _all.Length];
        }
    }

    /// <summary>
    /// The order of RFC 8305, section 4: the family of the first one and the other by turns, so that a family that does
    /// not work costs one try.
    /// </summary>
    internal static IPAddress[] Interleave(IPAddress[] addresses)
    {
        var distinct = addresses.Distinct().ToList();
        var first = distinct.Where(a => a.AddressFamily == distinct[0].AddressFamily).ToList();
        var others = distinct.Where(a => a.AddressFamily != distinct[0].AddressFamily).ToList();
        var result = new List<IPAddress>();
        for (var i = 0; i < Math.Max(first.Count, others.Count); i++)
        {
            result.AddRange(first.Skip(i).Take(1));
            result.AddRange(others.Skip(i).Take(1));
        }

        return [.. result];
    }
}
