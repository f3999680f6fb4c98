namespace UdpTunnel.Metrics;

/// <summary>The types of the exposition format that are used here.</summary>
internal enum MetricType
{
    /// <summary>Goes up, and begins again with the daemon or the tunnel.</summary>
    Counter,

    /// <summary>Goes up and down.</summary>
    Gauge,
}
