// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Google.Protobuf.Reflection;
using UdpTunnel.Events;
using UdpTunnel.Metrics;
using UdpTunnel.Packets;
using UdpTunnel.Relay;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Tests.Metrics;

public sealed class MetricsTextTests
{
    [Fact]
    public void A_family_is_help_type_and_values() =>
        Assert.Equal(
            "# HELP udptunnel_x_total What\\nit is.\n# TYPE udptunnel_x_total counter\nudptunnel_x_total 1\nudptunnel_x_total{a=\"b\",c=\"\"} 2.5\n",
            Text(
                new MetricFamily(
                    "udptunnel_x_total",
                    MetricType.Counter,
                    "What\nit is.",
                    [new(1), new(2.5, ("a", "b"), ("c", ""))]
                )
            )
        );

    [Theory]
    [InlineData(0, "0")]
    [InlineData(9007199254740993.0, "9007199254740992")]
    [InlineData(1795564800.125, "1795564800.125")]
    public void Numbers_are_written_so_that_they_read_the_same(double value, string text)
    {
        var line = Text(new MetricFamily("x", MetricType.Gauge, "", [new(value)])).Split('\n')[2];

        Assert.Equal($"x {text}", line);
    }

    /// <remarks>Whatever stands in a label, the line stays one line and the label can be read back.</remarks>
    [Fact]
    public void A_label_can_hold_any_text() =>
        Prop.ForAll<string>(value =>
            {
                // What is no Unicode text has no UTF-8 either.
                var text = string.Concat((value ?? "").Where(c => !char.IsSurrogate(c) && c != '\0'));

                var lines = Text(new MetricFamily("x", MetricType.Gauge, "", [new(1, ("l", text))])).Split('\n');
                var label = lines[2]["x{l=\"".Length..^"\"} 1".Length];
                var read = label
                    .Replace("\\\\", "\0", StringComparison.Ordinal)
                    .Replace("\\\"", "\"", StringComparison.Ordinal)
                    .Replace("\\n", "\n", StringComparison.Ordinal)
                    .Replace("\0", "\\", StringComparison.Ordinal);
                return lines.Length == 4 && read == text;
            })
            .QuickCheckThrowOnFailure();

    [Fact]
    public void The_words_of_labels_are_those_of_the_protos()
    {
        Same<DropReason>("DropReason", V1.TunnelReflection.Descriptor);
        Same<Direction>("Direction", V1.TunnelReflection.Descriptor);
        Same<TunnelState>("TunnelState", V1.TunnelReflection.Descriptor);
        Same<RelayState>("RelayState", V1.RelayReflection.Descriptor);
        Same<RelayDropReason>("RelayDropReason", V1.RelayReflection.Descriptor);
        Same<EventKind>("EventKind", V1.EventReflection.Descriptor);
    }

    private static void Same<T>(string name, FileDescriptor file)
        where T : struct, Enum
    {
        var values = file.EnumTypes.Single(e => e.Name == name).Values;
        var prefix = values[0].Name[..^"UNSPECIFIED".Length];
        Assert.All(values.Where(v => v.Number > 0), v =>
            Assert.Equal(
                v.Name[prefix.Length..].ToLowerInvariant(),
                MetricsText.Word((T)Enum.ToObject(typeof(T), v.Number))
            )
        );
    }

    private static string Text(MetricFamily family)
    {
        var output = new ArrayBufferWriter<byte>();
        MetricsText.Write(output, family);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }
}
