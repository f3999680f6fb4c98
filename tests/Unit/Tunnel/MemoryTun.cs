// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Linux;
using UdpTunnel.Memory;
using UdpTunnel.Packets;

namespace UdpTunnel.Tests.Tunnel;

/// <summary>A device in memory: keeps the messages that are written to it.</summary>
internal sealed unsafe class MemoryTun(TunOffloads offloads = TunOffloads.Tcp | TunOffloads.Udp) : ITun
{
    /// <summary>The messages, each with its virtio header.</summary>
    public List<byte[]> Written { get; } = [];

    /// <summary>Whether superpackets are refused, as by a kernel that does not know them.</summary>
    public bool RefusesGroups { get; set; }

    /// <summary>Whether everything is refused, as by a device that is down.</summary>
    public bool IsDown { get; set; }

    public string Name => "tun0";

    public int Index => 1;

    public TunOffloads Offloads => offloads;

    public int Descriptor => throw new NotSupportedException("nothing to wait for");

    public bool Read(PacketBatch batch) => throw new NotSupportedException("tests fill the batch themselves");

    public WriteStatus Write(Slice* slices, int count)
    {
        if (IsDown)
        {
            return WriteStatus.DeviceFailed;
        }

        if (RefusesGroups && VirtioNetHeader.Read(slices[0].Start).GsoType != VirtioNetHeader.None)
        {
            return WriteStatus.Refused;
        }

        List<byte> message = [];
        for (var i = 0; i < count; i++)
        {
            message.AddRange(slices[i].Span);
        }

        Written.Add([.. message]);
        return WriteStatus.Written;
    }

    public void Recreate() => throw new NotSupportedException("nobody deletes it");

    public void Dispose()
    {
        // Nothing to give back.
    }
}
