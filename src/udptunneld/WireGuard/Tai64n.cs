// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;

namespace UdpTunnel.WireGuard;

/// <summary>
/// A moment of the wall clock as handshakes carry it, 12 bytes: seconds as TAI64 has them and nanoseconds, both
/// big-endian, so that later moments are greater byte by byte. A peer answers only initiations with a greater one than
/// ever before.
/// </summary>
/// <param name="Seconds">2^62 and seconds since 1970 TAI.</param>
/// <param name="Nanoseconds">Of the second.</param>
internal readonly record struct Tai64n(ulong Seconds, uint Nanoseconds) : IComparable<Tai64n>
{
    /// <summary>Bytes of one.</summary>
    public const int Size = 12;

    // 2^62, and the 10 seconds that TAI was ahead of UTC in 1970; leap seconds since then do not matter here.
    private const ulong Epoch = 0x4000_0000_0000_000A;
    private const uint NanosecondsOfSecond = 1_000_000_000;

    /// <summary>Of a moment of 1970 or later; what is earlier is taken for 1970.</summary>
    public static Tai64n From(DateTimeOffset time)
    {
        var ticks = Math.Max(0, time.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks);
        return new(Epoch + (ulong)(ticks / TimeSpan.TicksPerSecond), (uint)(ticks % TimeSpan.TicksPerSecond) * 100);
    }

    /// <summary>Reads 12 bytes, whatever they are.</summary>
    public static Tai64n Read(ReadOnlySpan<byte> bytes) =>
        new(BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt32BigEndian(bytes[8..]));

    /// <summary>Writes 12 bytes.</summary>
    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt64BigEndian(bytes, Seconds);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[8..], Nanoseconds);
    }

    /// <summary>
    /// The same without the lowest 24 bits of the nanoseconds (17 ms), which would tell strangers about this host's
    /// clock.
    /// </summary>
    public Tai64n Coarse() => this with { Nanoseconds = Nanoseconds & ~0xFF_FFFFu };

    /// <summary>The next one that is greater and coarse.</summary>
    public Tai64n NextCoarse()
    {
        var next = (Nanoseconds & ~0xFF_FFFFu) + 0x100_0000;
        return next < NanosecondsOfSecond ? this with { Nanoseconds = next } : new(Seconds + 1, 0);
    }

    /// <summary>Milliseconds from another moment to this one; less than 0 if this one is earlier.</summary>
    public long MillisecondsAfter(Tai64n other)
    {
        // A peer may say anything: what no two clocks differ by is as good as ten thousand years.
        const long Most = 10_000L * 365 * 24 * 3600;
        var seconds = Int128.Clamp((Int128)Seconds - other.Seconds, -Most, Most);
        return ((long)seconds * 1000) + (((long)Nanoseconds - other.Nanoseconds) / 1_000_000);
    }

    /// <inheritdoc/>
    public int CompareTo(Tai64n other) =>
        Seconds != other.Seconds ? Seconds.CompareTo(other.Seconds) : Nanoseconds.CompareTo(other.Nanoseconds);

    /// <summary>Whether one is later.</summary>
    public static bool operator >(Tai64n left, Tai64n right) => left.CompareTo(right) > 0;

    /// <summary>Whether one is earlier.</summary>
    public static bool operator <(Tai64n left, Tai64n right) => left.CompareTo(right) < 0;

    /// <summary>Whether one is not earlier.</summary>
    public static bool operator >=(Tai64n left, Tai64n right) => left.CompareTo(right) >= 0;

    /// <summary>Whether one is not later.</summary>
    public static bool operator <=(Tai64n left, Tai64n right) => left.CompareTo(right) <= 0;
}
