// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Hosting;

namespace UdpTunnel.Relay;

/// <summary>
/// The key by which a sender knows its receiver: the one that the configuration has, else the first one that was seen,
/// until a person accepts another. Any thread.
/// </summary>
/// <param name="relay">Name of the sender.</param>
/// <param name="keys">Where keys that were seen are remembered.</param>
/// <param name="events">Where to tell.</param>
internal sealed class KnownReceiver(string relay, ReceiverKeys keys, RelayEvents events)
{
    /// <summary>Compares the key of a receiver with the known one, and remembers the first.</summary>
    /// <param name="key">The key that the receiver has proven.</param>
    /// <param name="pinned">The configuration's key; null for none.</param>
    /// <returns>Null if it may go on.</returns>
    public Attempt? Check(KeyFingerprint key, KeyFingerprint? pinned)
    {
        KeyFingerprint? expected;
        try
        {
            expected = pinned ?? keys.Find();
            if (expected is null)
            {
                keys.Remember(key);
            }
        }
        catch (RequestException e)
        {
            return new Attempt(e.Message, false, false);
        }

        if (expected is null)
        {
            events.Raise(
                EventKind.RelayConnected,
                EventLevel.Info,
                $"the receiver's key is {key}; it is remembered, and another one will be refused",
                new EventFacts { PublicKey = $"{key}" }
            );
            return null;
        }

        if (expected == key)
        {
            return null;
        }

        var advice = pinned is null
            ? $"if the receiver was set up anew, `udptunnelctl relay accept-key {relay} {key}` accepts it"
            : "if the receiver was set up anew, "
                + $"`udptunnelctl reload {relay} FILE` with the new ReceiverKey accepts it";
        return new Attempt(
            $"the receiver shows the key {key}, but {expected} is expected: somebody may be in between; {advice}",
            false,
            IsRefused: true
        );
    }

    /// <summary>Remembers another key.</summary>
    /// <exception cref="RequestException">The configuration pins one, or it cannot be stored.</exception>
    public void Accept(KeyFingerprint key, KeyFingerprint? pinned)
    {
        if (pinned is not null && pinned != key)
        {
            throw new RequestException(
                Fault.InvalidRequest,
                $"the configuration of {relay} has ReceiverKey {pinned}: "
                    + $"`udptunnelctl reload {relay} FILE` with the other one accepts it"
            );
        }

        keys.Remember(key);
        events.Raise(
            EventKind.ReceiverKeyChanged,
            EventLevel.Info,
            $"the receiver's key is {key} from now on",
            new EventFacts { PublicKey = $"{key}" }
        );
    }
}
