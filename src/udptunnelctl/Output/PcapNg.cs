// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Text;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output;

/// <summary>
/// Captured packets as a pcapng file (draft-ietf-opsawg-pcapng), which tshark and tcpdump read: all numbers
/// little-endian, blocks padded to 4 bytes.
/// <code>
///  block:   type u32 | total length u32 | body | options | total length u32
///  option:  code u16 | length u16 | value, padded to 4 bytes
/// </code>
/// Interface 0 is the device, whose packets begin with their IP header; interface 1 the socket, for datagrams that
/// could not be opened.
/// </summary>
/// <param name="output">Where to. Each block is one write.</param>
internal sealed class PcapNg(Stream output) : IDisposable
{
    private const uint SectionHeader = 0x0A0D0D0A;
    private const uint InterfaceDescription = 1;
    private const uint InterfaceStatistics = 5;
    private const uint EnhancedPacket = 6;

    private const uint ByteOrderMagic = 0x1A2B3C4D;

    // LINKTYPE_RAW and LINKTYPE_USER0 (https://www.tcpdump.org/linktypes.html).
    private const ushort RawIp = 101;
    private const ushort User0 = 147;

    private const ushort EndOfOptions = 0;
    private const ushort Comment = 1;
    private const ushort UserApplication = 4;
    private const ushort InterfaceName = 2;
    private const ushort TimestampResolution = 9;
    private const ushort Flags = 2;
    private const ushort ReceivedPackets = 4;
    private const ushort DroppedPackets = 5;

    private const uint Inbound = 1;
    private const uint Outbound = 2;
    private const byte Nanoseconds = 9;
    private const long NanosecondsPerTick = 100;

    private readonly MemoryStream _block = new();
    private ulong _packets;

    /// <inheritdoc/>
    public void Dispose() => _block.Dispose();

    /// <summary>Writes what stands in front of the packets.</summary>
    /// <param name="device">Name of the TUN device.</param>
    /// <param name="localPort">UDP port of this end.</param>
    public void Begin(string device, uint localPort)
    {
        Begin(SectionHeader);
        Add(ByteOrderMagic);
        Add((ushort)1);
        Add((ushort)0);
        Add(ulong.MaxValue);
        Option(UserApplication, "udptunnelctl");
        End();
        Interface(RawIp, device);
        Interface(User0, $"udp:{localPort}");
    }

    /// <summary>Writes a packet.</summary>
    public void Write(CapturedPacket packet)
    {
        _packets++;
        var time = packet.Time.ToDateTime().Subtract(DateTime.UnixEpoch).Ticks * NanosecondsPerTick;
        Begin(EnhancedPacket);
        Add(IsDatagram(packet) ? 1u : 0u);
        Add((uint)(time >> 32));
        Add((uint)time);
        Add((uint)packet.Data.Length);
        Add(packet.Length);
        Bytes(packet.Data.Span);
        Option(Comment, Describe(packet));
        Span<byte> flags = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(flags, packet.Direction == Direction.In ? Inbound : Outbound);
        Option(Flags, flags);
        End();
    }

    /// <summary>Writes how many packets there were and how many the reader was too slow for.</summary>
    public void Finish(ulong lost, DateTimeOffset now)
    {
        var time = now.UtcDateTime.Subtract(DateTime.UnixEpoch).Ticks * NanosecondsPerTick;
        Begin(InterfaceStatistics);
        Add(0u);
        Add((uint)(time >> 32));
        Add((uint)time);
        Span<byte> number = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(number, _packets + lost);
        Option(ReceivedPackets, number);
        BinaryPrimitives.WriteUInt64LittleEndian(number, lost);
        Option(DroppedPackets, number);
        End();
    }

    /// <summary>Whether it is a datagram that came in and could not be opened, no IP packet.</summary>
    public static bool IsDatagram(CapturedPacket packet) =>
        packet.Direction == Direction.In && packet.Stage == CaptureStage.Transport;

    /// <summary>"out, filter: dropped (port)".</summary>
    public static string Describe(CapturedPacket packet)
    {
        var fate =
            packet.DropReason == DropReason.Unspecified
                ? "passed"
                : $"dropped ({Words.Of(packet.DropReason) ?? "unknown"})";
        var peer = packet.Peer.Length > 0 ? $", peer {packet.Peer}" : "";
        return $"{Words.Of(packet.Direction)}, {Words.Of(packet.Stage) ?? "unknown"}: {fate}{peer}";
    }

    private void Interface(ushort linkType, string name)
    {
        Begin(InterfaceDescription);
        Add(linkType);
        Add((ushort)0);
        Add(0u);
        Option(InterfaceName, name);
        Option(TimestampResolution, [Nanoseconds]);
        End();
    }

    private void Begin(uint type)
    {
        _block.SetLength(0);
        Add(type);

        // The length, once it is known.
        Add(0u);
    }

    private void End()
    {
        Option(EndOfOptions, []);
        Add((uint)_block.Length + sizeof(uint));
        var bytes = _block.GetBuffer().AsSpan(0, (int)_block.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], (uint)bytes.Length);
        output.Write(bytes);
    }

    private void Option(ushort code, string text) => Option(code, Encoding.UTF8.GetBytes(text));

    private void Option(ushort code, ReadOnlySpan<byte> value)
    {
        Add(code);
        Add((ushort)value.Length);
        Bytes(value);
    }

    private void Bytes(ReadOnlySpan<byte> bytes)
    {
        _block.Write(bytes);
        while (_block.Length % 4 != 0)
        {
            _block.WriteByte(0);
        }
    }

    private void Add(ushort value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ushort)];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, value);
        _block.Write(bytes);
    }

    private void Add(uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        _block.Write(bytes);
    }

    private void Add(ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        _block.Write(bytes);
    }
}
