// SPDX-License-Identifier: BSD-3-Clause

using System.Collections.Concurrent;

namespace UdpTunnel.Hosting;

/// <summary>
/// The names of all tunnels and relays. A name means one thing, since people name both in the same commands.
/// </summary>
internal sealed class HostNames
{
    private readonly ConcurrentDictionary<string, string> _kinds = new(StringComparer.Ordinal);

    /// <summary>Takes a name, for as long as what has it is there.</summary>
    /// <param name="name">The name.</param>
    /// <param name="kind">What has it: "tunnel" or "relay".</param>
    /// <exception cref="RequestException">Another one has it; of two who ask at once exactly one gets it.</exception>
    public void Take(string name, string kind)
    {
        while (!_kinds.TryAdd(name, kind))
        {
            if (!_kinds.TryGetValue(name, out var taken))
            {
                // Given back at this moment.
                continue;
            }

            throw new RequestException(
                Fault.NameTaken,
                $"a {taken} named {name} is there already: see `udptunnelctl status {name}`, or use another name"
            );
        }
    }

    /// <summary>Gives a name back.</summary>
    public void GiveBack(string name) => _kinds.TryRemove(name, out _);
}
