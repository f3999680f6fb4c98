// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Metrics;

/// <summary>One metric with all of its values at one moment.</summary>
/// <param name="Name">Its name, with prefix and unit; a counter's ends in <c>_total</c>.</param>
/// <param name="Type">Its type.</param>
/// <param name="Help">One sentence.</param>
/// <param name="Samples">The values; taken when they are enumerated.</param>
internal sealed record MetricFamily(string Name, MetricType Type, string Help, IEnumerable<MetricSample> Samples);

/// <summary>The types of the exposition format that are used here.</summary>
internal enum MetricType
{
    /// <summary>Goes up, and begins again with the daemon or the tunnel.</summary>
    Counter,

    /// <summary>Goes up and down.</summary>
    Gauge,
}

/// <summary>One value of a family.</summary>
/// <param name="Value">The value.</param>
/// <param name="Labels">What tells it from the family's other values, the same names for all of them.</param>
internal readonly record struct MetricSample(double Value, params (string Name, string Value)[] Labels);
