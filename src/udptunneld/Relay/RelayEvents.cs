// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Events;

namespace UdpTunnel.Relay;

/// <summary>Tells what happens at one relay. The log of events bounds what a peer repeats. Any thread.</summary>
/// <param name="events">Where to tell.</param>
/// <param name="relay">Name of the relay.</param>
internal sealed class RelayEvents(EventLog events, string relay)
{
    /// <summary>What is told only while somebody looks for a fault.</summary>
    public DebugLog Debug => events.Debug;

    /// <summary>Name of the relay.</summary>
    public string Relay => relay;

    /// <summary>Tells it.</summary>
    /// <param name="kind">Of the event.</param>
    /// <param name="level">Of the event.</param>
    /// <param name="message">For a person, without a full stop.</param>
    /// <param name="facts">What the message says, for programs.</param>
    public void Raise(EventKind kind, EventLevel level, string message, EventFacts? facts = null) =>
        events.Add(kind, level, relay, message, facts);
}
