namespace UdpTunnel.Events;

/// <summary>One thing that happened.</summary>
/// <param name="Sequence">Counts up by one from 1.</param>
/// <param name="Time">When, by the wall clock.</param>
/// <param name="Kind">What kind it is.</param>
/// <param name="Level">How much it matters.</param>
/// <param name="Tunnel">The tunnel concerned, or empty.</param>
/// <param name="Message">One sentence for a person; holds no secret.</param>
/// <param name="Limit">The bound that was hit, of <see cref="EventKind.LimitReached"/>.</param>
internal sealed record Event(
    ulong Sequence, DateTimeOffset Time, EventKind Kind, EventLevel Level, string Tunnel, string Message, Limit Limit = Limit.None);
