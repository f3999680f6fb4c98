// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Output;

namespace UdpTunnel.Tests.Cli;

public sealed class QuantityTests
{
    [Theory]
    [InlineData(0UL, "0 B")]
    [InlineData(1023UL, "1023 B")]
    [InlineData(1024UL, "1.00 KiB")]
    [InlineData(1536UL, "1.50 KiB")]
    [InlineData(15UL * 1024 * 1024, "15.0 MiB")]
    [InlineData(150UL * 1024 * 1024 * 1024, "150 GiB")]
    [InlineData(1023UL * 1024, "1,023 KiB")]
    [InlineData(ulong.MaxValue, "16.0 EiB")]
    public void Bytes_are_counted_in_powers_of_1024(ulong bytes, string text) =>
        Assert.Equal(text, Quantity.Bytes(bytes));

    [Theory]
    [InlineData(0, "0 bit/s")]
    [InlineData(124, "992 bit/s")]
    [InlineData(125, "1.00 kbit/s")]
    [InlineData(1_187_500_000, "9.50 Gbit/s")]
    [InlineData(double.NaN, "0 bit/s")]
    [InlineData(double.PositiveInfinity, "0 bit/s")]
    [InlineData(-5, "0 bit/s")]
    public void Rates_are_told_in_bits(double bytesPerSecond, string text) =>
        Assert.Equal(text, Quantity.BitRate(bytesPerSecond));

    [Theory]
    [InlineData(0, "0 packets/s")]
    [InlineData(0.5, "0.5 packets/s")]
    [InlineData(9.96, "10 packets/s")]
    [InlineData(138_000, "138,000 packets/s")]
    [InlineData(double.NaN, "0 packets/s")]
    public void Slow_packet_rates_have_a_decimal(double rate, string text) =>
        Assert.Equal(text, Quantity.PacketRate(rate));

    [Fact]
    public void More_bytes_never_read_as_less() =>
        Property.ForAll<(uint Low, byte Shift)>(value =>
        {
            var bytes = (ulong)value.Low << (value.Shift % 32);
            return Scale(Quantity.Bytes(bytes)) <= Scale(Quantity.Bytes(bytes + (bytes / 50) + 1));
        });

    private static double Scale(string text)
    {
        var parts = text.Split(' ');
        var unit = Array.IndexOf(["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"], parts[1]);
        return double.Parse(parts[0], System.Globalization.CultureInfo.InvariantCulture) * Math.Pow(1024, unit);
    }
}
