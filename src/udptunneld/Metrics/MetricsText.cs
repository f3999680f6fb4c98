// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers;
using System.Globalization;
using System.Text;

namespace UdpTunnel.Metrics;

/// <summary>
/// Prometheus' text format, version 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats): UTF-8, a line of help
/// and one of type for each family, then a line for each value.
/// </summary>
internal static class MetricsText
{
    /// <summary>What an HTTP answer says that it is.</summary>
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    /// <summary>Writes one family.</summary>
    public static void Write(IBufferWriter<byte> output, MetricFamily family)
    {
        var type = family.Type == MetricType.Counter ? "counter" : "gauge";
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"# HELP {family.Name} {Escape(family.Help, isLabel: false)}\n");
        text.Append(CultureInfo.InvariantCulture, $"# TYPE {family.Name} {type}\n");
        foreach (var sample in family.Samples)
        {
            text.Append(family.Name);
            AppendLabels(text, sample.Labels);
            text.Append(CultureInfo.InvariantCulture, $" {sample.Value:R}\n");
        }

        foreach (var chunk in text.GetChunks())
        {
            Encoding.UTF8.GetBytes(chunk.Span, output);
        }
    }

    /// <summary>
    /// The word of an enumeration's value: <c>FlowTableFull</c> is <c>flow_table_full</c>, as in the protos and in
    /// JSON.
    /// </summary>
    public static string Word(Enum value) =>
        string.Concat(
            value
                .ToString()
                .Select((c, i) => char.IsUpper(c) ? $"{(i > 0 ? "_" : "")}{char.ToLowerInvariant(c)}" : $"{c}")
        );

    private static void AppendLabels(StringBuilder text, (string Name, string Value)[] labels)
    {
        if (labels.Length == 0)
        {
            return;
        }

        text.Append('{');
        for (var i = 0; i < labels.Length; i++)
        {
            text.Append(i > 0 ? "," : "")
                .Append(labels[i].Name)
                .Append("=\"")
                .Append(Escape(labels[i].Value, isLabel: true))
                .Append('"');
        }

        text.Append('}');
    }

    private static string Escape(string text, bool isLabel)
    {
        var escaped = text.Replace("\\", "\\\\", StringComparison.Ordinal)
            .Replace("\n", "\\n", StringComparison.Ordinal);
        return isLabel ? escaped.Replace("\"", "\\\"", StringComparison.Ordinal) : escaped;
    }
}
