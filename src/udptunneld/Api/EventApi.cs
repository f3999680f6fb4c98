// SPDX-License-Identifier: BSD-3-Clause

using Grpc.Core;
using UdpTunnel.Events;
using UdpTunnel.V1;

namespace UdpTunnel.Api;

/// <summary>The event log over gRPC.</summary>
internal sealed class EventApi(EventLog log, Watchers watchers) : EventService.EventServiceBase
{
    /// <inheritdoc/>
    public override Task<ListEventsResponse> ListEvents(ListEventsRequest request, ServerCallContext context)
    {
        var selection = new Selection(request.Tunnel, request.Kinds, request.MinLevel);
        var after = Start(request.AfterSequence, request.BootId);
        var events = log.After(after);
        return Task.FromResult(
            new ListEventsResponse
            {
                Events = { selection.Of(events) },
                BootId = log.BootId,
                Forgotten = Forgotten(after, events),
            }
        );
    }

    /// <inheritdoc/>
    public override async Task WatchEvents(
        WatchEventsRequest request,
        IServerStreamWriter<WatchEventsResponse> responseStream,
        ServerCallContext context
    )
    {
        using var watcher = watchers.Enter(context);
        var selection = new Selection(request.Tunnel, request.Kinds, request.MinLevel);
        var last = Start(request.AfterSequence, request.BootId);
        var events = log.After(last);
        ulong forgotten = 0;
        var isFirst = true;
        while (true)
        {
            forgotten += Forgotten(last, events);
            last = events.Count > 0 ? events[^1].Sequence : last;
            var response = new WatchEventsResponse
            {
                Events = { selection.Of(events) },
                BootId = log.BootId,
                Forgotten = forgotten,
            };
            if (isFirst || response.Events.Count > 0)
            {
                await responseStream.WriteAsync(response, watcher.Stopped);
                (isFirst, forgotten) = (false, 0);
            }

            events = await log.WaitAfterAsync(last, watcher.Stopped);
        }
    }

    /// <summary>The last event that a client knows; 0 for none, or for one of another start.</summary>
    private ulong Start(ulong after, string bootId) => bootId == log.BootId ? Math.Min(after, log.Last) : 0;

    /// <summary>The newest is always remembered, so that it shows how many there were.</summary>
    private static ulong Forgotten(ulong after, IReadOnlyList<Events.Event> events) =>
        events.Count == 0 ? 0 : events[^1].Sequence - after - (ulong)events.Count;

    /// <summary>Which events a client wants.</summary>
    private sealed class Selection(string tunnel, IEnumerable<V1.EventKind> kinds, V1.EventLevel least)
    {
        private readonly HashSet<V1.EventKind> _kinds = [.. kinds];

        public IEnumerable<V1.Event> Of(IEnumerable<Events.Event> events) =>
            events
                .Where(e =>
                    (tunnel.Length == 0 || e.Tunnel == tunnel)
                    && (_kinds.Count == 0 || _kinds.Contains((V1.EventKind)e.Kind))
                    && (int)e.Level >= (int)least
                )
                .Select(Convert.ToEvent);
    }
}
