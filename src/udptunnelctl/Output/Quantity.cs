// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;

namespace UdpTunnel.Cli.Output;

/// <summary>
/// Numbers with units, for people. Bytes in powers of 1024 (IEC 80000-13), rates in bits and powers of 1000.
/// </summary>
internal static class Quantity
{
    private static readonly string[] ByteUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    private static readonly string[] BitUnits = ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"];
    private const string Prefixes = "kMGTPEZY";

    /// <summary><c>1,234,567</c></summary>
    public static string Count(ulong value) => value.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>
    /// As <see cref="Count"/> while that is short, then <c>123M</c>, for columns: at most 10 characters.
    /// </summary>
    public static string ShortCount(ulong value) =>
        value switch
        {
            < 100_000_000 => Count(value),
            < 100_000_000_000_000 => Count(value / 1_000_000) + "M",
            _ => Count(value / 1_000_000_000_000) + "T",
        };

    /// <summary>
    /// <c>999</c>, <c>1.23k</c>, <c>24.5M</c>: three significant digits and a power of 1000, for columns: at most 5
    /// characters.
    /// </summary>
    /// <param name="value">Not finite or negative counts as 0; what is 1000 yotta or more is shown so.</param>
    public static string Brief(double value)
    {
        value = Sane(value);
        var prefix = 0;
        while (value >= 999.5 && prefix < Prefixes.Length)
        {
            value /= 1000;
            prefix++;
        }

        return prefix == 0
            ? value.ToString("0", CultureInfo.InvariantCulture)
            : Math.Min(value, 999).ToString(Digits(value), CultureInfo.InvariantCulture) + Prefixes[prefix - 1];
    }

    /// <summary><c>1 packet</c>, <c>2 packets</c></summary>
    public static string Packets(ulong value) => value == 1 ? "1 packet" : $"{Count(value)} packets";

    /// <summary><c>512 B</c>, <c>1.50 GiB</c></summary>
    public static string Bytes(ulong value) => value < 1024 ? $"{value} B" : Scaled(value, 1024, ByteUnits);

    /// <summary>Bytes per second as bits per second: <c>1.20 Mbit/s</c>.</summary>
    /// <param name="bytesPerSecond">Not finite or negative counts as 0.</param>
    public static string BitRate(double bytesPerSecond) => Scaled(Sane(bytesPerSecond) * 8, 1000, BitUnits);

    /// <summary><c>120 packets/s</c>; below ten with one digit after the point.</summary>
    /// <param name="packetsPerSecond">Not finite or negative counts as 0.</param>
    public static string PacketRate(double packetsPerSecond)
    {
        var value = Sane(packetsPerSecond);
        var format = value is > 0 and < 9.95 ? "0.0" : "#,0";
        return value.ToString(format, CultureInfo.InvariantCulture) + " packets/s";
    }

    private static double Sane(double value) => double.IsFinite(value) && value > 0 ? value : 0;

    /// <summary>Three significant digits, so that columns of changing values stay calm.</summary>
    private static string Scaled(double value, double step, string[] units)
    {
        var unit = 0;
        while (value >= step && unit < units.Length - 1)
        {
            value /= step;
            unit++;
        }

        var format = unit == 0 ? "0" : Digits(value);
        return value.ToString(format, CultureInfo.InvariantCulture) + " " + units[unit];
    }

    private static string Digits(double value) =>
        value switch
        {
            < 9.995 => "0.00",
            < 99.95 => "0.0",
            _ => "#,0",
        };
}
