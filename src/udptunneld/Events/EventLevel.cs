namespace UdpTunnel.Events;

/// <summary>How much an event matters. Values follow <c>udptunnel.v1.EventLevel</c>.</summary>
internal enum EventLevel
{
    Info = 1,
    Warning = 2,
    Error = 3,
}
