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
        var response = new ListEventsResponse();
        response.Events.AddRange(Select(log.After(0), request.Tunnel));
        return Task.FromResult(response);
    }

    /// <inheritdoc/>
    public override async Task WatchEvents(
        WatchEventsRequest request,
        IServerStreamWriter<WatchEventsResponse> responseStream,
        ServerCallContext context
    )
    {
        using var watcher = watchers.Enter(context);
        var events = log.After(0);
        ulong last = 0;
        var snapshot = true;
        while (true)
        {
            var response = new WatchEventsResponse();
            response.Events.AddRange(Select(events, request.Tunnel));
            if (snapshot || response.Events.Count > 0)
            {
                await responseStream.WriteAsync(response, watcher.Stopped);
            }

            snapshot = false;
            last = events.Count > 0 ? events[^1].Sequence : last;
            events = await log.WaitAfterAsync(last, watcher.Stopped);
        }
    }

    private static IEnumerable<V1.Event> Select(IEnumerable<Events.Event> events, string tunnel) =>
        events.Where(e => tunnel.Length == 0 || e.Tunnel == tunnel).Select(Convert.ToEvent);
}
