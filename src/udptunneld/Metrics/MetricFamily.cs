namespace UdpTunnel.Metrics;

/// <summary>One metric with all of its values at one moment.</summary>
/// <param name="Name">Its name, with prefix and unit; a counter's ends in <c>_total</c>.</param>
/// <param name="Type">Its type.</param>
/// <param name="Help">One sentence.</param>
/// <param name="Samples">The values; taken when they are enumerated.</param>
internal sealed record MetricFamily(string Name, MetricType Type, string Help, IEnumerable<MetricSample> Samples);
