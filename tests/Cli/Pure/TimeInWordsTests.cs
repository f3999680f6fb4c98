// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Output;

namespace UdpTunnel.Tests.Cli;

public sealed class TimeInWordsTests
{
    [Theory]
    [InlineData(0, "0 seconds")]
    [InlineData(1, "1 second")]
    [InlineData(59.9, "59 seconds")]
    [InlineData(60, "1 minute")]
    [InlineData(61, "1 minute, 1 second")]
    [InlineData(3600, "1 hour")]
    [InlineData(3605, "1 hour")]
    [InlineData(3725, "1 hour, 2 minutes")]
    [InlineData(172800, "2 days")]
    [InlineData(31536000 + 86400 * 2, "1 year, 2 days")]
    [InlineData(-5, "0 seconds")]
    public void A_span_is_told_in_its_two_largest_units(double seconds, string words) =>
        Assert.Equal(words, TimeInWords.Length(TimeSpan.FromSeconds(seconds)));

    [Theory]
    [InlineData(0.9, "just now")]
    [InlineData(-100, "just now")]
    [InlineData(12, "12 seconds ago")]
    public void A_moment_is_told_by_its_age(double seconds, string words) =>
        Assert.Equal(words, TimeInWords.Ago(Samples.Now.AddSeconds(-seconds), Samples.Now));

    [Fact]
    public void Every_span_can_be_told()
    {
        Assert.EndsWith("days", TimeInWords.Length(TimeSpan.MaxValue), StringComparison.Ordinal);
        Assert.Equal("just now", TimeInWords.Ago(DateTimeOffset.MaxValue, DateTimeOffset.MinValue));
    }
}
