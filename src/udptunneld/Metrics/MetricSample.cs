namespace UdpTunnel.Metrics;

/// <summary>One value of a family.</summary>
/// <param name="Value">The value.</param>
/// <param name="Labels">What tells it from the family's other values, the same names for all of them.</param>
internal readonly record struct MetricSample(double Value, params (string Name, string Value)[] Labels);
