// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using System.Runtime.CompilerServices;
using UdpTunnel.Memory;

namespace UdpTunnel.Packets;

/// <summary>
/// Coalesces received packets into superpackets for the TUN device, the reverse of <see cref="Segmenter"/>. Payloads
/// stay where they are: a group is a list of slices into the receive buffer.
/// <code>
///   received    [..virtio|IP|TCP|payload]  [wire|IP|TCP|payload]  [wire|IP|TCP|payload]
///                 \____________________/                \______/               \______/
///   group           slice 0                              slice 1                slice 2
/// </code>
/// <para>
/// NEEDS_CSUM tells the kernel to trust the bytes, so only packets whose checksums were found right are merged; a
/// corrupt one goes to the kernel as it came, which drops it. No packet overtakes another of its flow: a flow has at
/// most one open group, and what does not join it closes it. Flows may overtake each other.
/// </para>
/// <para>
/// Use: <see cref="Add"/> until the batch ends or it is full, <see cref="Finish"/>, write the groups,
/// <see cref="Clear"/>. One thread only.
/// </para>
/// </summary>
/// <remarks>No finalizer, for the reason given at <see cref="SendBatch"/>. Who makes it disposes of it.</remarks>
internal sealed unsafe class Coalescer : IDisposable
{
    /// <summary>Packets of one full batch: 32 messages of at most 64 datagrams (UDP_GRO_CNT_MAX).</summary>
    public const int DefaultCapacity = 32 * 64;

    /// <summary>Most packets of a TCP group: <c>writev</c> takes no more slices (UIO_MAXIOV).</summary>
    public const int MaxTcpPackets = 1024;

    /// <summary>Most packets of a UDP group, as in the kernel's own receive offload (UDP_GRO_CNT_MAX).</summary>
    public const int MaxUdpPackets = 64;

    private readonly NativeBuffer _memory;
    private readonly ReceivedPacket* _packets;
    private readonly GroupDraft* _drafts;
    private readonly Group* _groups;
    private readonly Slice* _slices;
    private readonly OpenFlowTable _open = new();
    private readonly int _capacity;

    private int _packetCount;
    private int _limit;
    private int _groupCount;
    private bool _finished;

    /// <param name="capacity">Most packets of a batch.</param>
    public Coalescer(int capacity = DefaultCapacity)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        _capacity = _limit = capacity;
        _memory = new NativeBuffer(
            (nuint)capacity * (nuint)(sizeof(ReceivedPacket) + sizeof(Slice) + sizeof(GroupDraft) + sizeof(Group))
        );
        _packets = (ReceivedPacket*)_memory.Start;
        _slices = (Slice*)(_packets + capacity);
        _drafts = (GroupDraft*)(_slices + capacity);
        _groups = (Group*)(_drafts + capacity);
    }

    /// <summary>
    /// Whether TCP packets are merged. Switched off where the kernel refuses it; takes effect with the next packet.
    /// </summary>
    public bool MergeTcp { get; set; } = true;

    /// <summary>Whether UDP packets are merged. Kernels before 6.2 do not take them.</summary>
    public bool MergeUdp { get; set; } = true;

    /// <summary>Whether no more packets are taken until <see cref="Clear"/>.</summary>
    public bool IsFull => _packetCount == _limit;

    /// <summary>Whether it holds no packet.</summary>
    public bool IsEmpty => _packetCount == 0;

    /// <summary>How many packets it holds.</summary>
    public int PacketCount => _packetCount;

    /// <summary>The slices of all groups, after <see cref="Finish"/>; laid out as <c>struct iovec</c>.</summary>
    public Slice* Slices => _slices;

    /// <summary>
    /// Takes the next received packet. Any bytes are allowed: what is no proper TCP or UDP packet stays alone.
    /// </summary>
    /// <param name="packet">
    /// The packet. It and the 10 bytes in front of it belong to the coalescer until the groups are written.
    /// </param>
    /// <returns>False, and the packet is not taken, if <see cref="IsFull"/>.</returns>
    public bool Add(in PacketView packet)
    {
        Debug.Assert(packet.Length > 0);
        if (_packetCount == _limit)
        {
            return false;
        }

        int index = _packetCount++;
        _packets[index].Start = packet.Start;
        _packets[index].Length = packet.Length;
        if (
            packet.Fault != DropReason.None
            || packet.Part != FragmentPart.Whole
            || !packet.IsPlain
            || HasReservedBits(packet)
        )
        {
            // Options, fragments, nonsense: which flow it belongs to is hard to tell, so it may overtake none.
            _open.Clear();
            StartGroup(index, 0, packet.Protocol);
        }
        else if (packet.Protocol == Ipv4Header.Tcp)
        {
            AddToFlow(index, packet, MergeTcp ? MergeRule.TcpHeaderLength(packet) : 0);
        }
        else if (packet.Protocol == Ipv4Header.Udp)
        {
            AddToFlow(index, packet, MergeUdp ? MergeRule.UdpHeaderLength(packet) : 0);
        }
        else
        {
            StartGroup(index, 0, packet.Protocol);
        }

        return true;
    }

    /// <summary>
    /// Closes all groups, writes their virtio headers in front of their first packets and patches the headers of merged
    /// ones. Nothing can be added afterwards.
    /// </summary>
    /// <returns>The groups, in the order of their first packets. Valid until <see cref="Clear"/>.</returns>
    public ReadOnlySpan<Group> Finish()
    {
        if (!_finished)
        {
            _finished = true;
            _limit = _packetCount;
            _open.Clear();
            int slice = 0;
            for (int i = 0; i < _groupCount; i++)
            {
                GroupDraft* draft = _drafts + i;
                _groups[i] = new Group
                {
                    FirstSlice = slice,
                    SliceCount = draft->Count,
                    Protocol = draft->Protocol,
                    TotalBytes = draft->TotalLength + VirtioNetHeader.Size,
                    PacketBytes =
                        draft->TotalLength + (draft->Count > 1 ? (draft->Count - 1) * draft->HeaderLength : 0),
                };
                ReceivedPacket* packet = _packets + draft->First;
                _slices[slice++] = Message(packet);
                if (draft->Count > 1)
                {
                    SuperpacketHeader.Write(packet->Start, draft);
                    for (int left = draft->Count - 1; left > 0; left--)
                    {
                        packet = _packets + packet->Next;
                        int payload = packet->Length - draft->HeaderLength;
                        _slices[slice++] = new Slice(packet->Start + draft->HeaderLength, payload);
                    }
                }
            }
        }

        return new ReadOnlySpan<Group>(_groups, _groupCount);
    }

    /// <summary>
    /// Takes a group apart, because the device refused it: each of its slices becomes a message of its own, the virtio
    /// header (zero) and the packet as it was received, in the order of arrival.
    /// </summary>
    /// <param name="group">Index in the result of <see cref="Finish"/>.</param>
    /// <returns>One slice for each packet.</returns>
    public ReadOnlySpan<Slice> Unmerge(int group)
    {
        Debug.Assert(_finished && group >= 0 && group < _groupCount);
        GroupDraft* draft = _drafts + group;
        Slice* slices = _slices + _groups[group].FirstSlice;
        ReceivedPacket* packet = _packets + draft->First;
        if (draft->Count > 1)
        {
            SuperpacketHeader.Restore(packet->Start, packet->Length, draft);
        }

        slices[0] = Message(packet);
        for (int i = 1; i < draft->Count; i++)
        {
            packet = _packets + packet->Next;
            slices[i] = Message(packet);
        }

        return new ReadOnlySpan<Slice>(slices, draft->Count);
    }

    /// <summary>Forgets everything; the packets' memory may be used again.</summary>
    public void Clear()
    {
        _packetCount = 0;
        _groupCount = 0;
        _open.Clear();
        _limit = _capacity;
        _finished = false;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Clear();
        _limit = 0;
        _memory.Dispose();
        _open.Dispose();
    }

    /// <summary>
    /// A packet with a virtio header of zeros: nothing left to do, and the kernel verifies the checksums itself.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Slice Message(ReceivedPacket* packet)
    {
        default(VirtioNetHeader).Write(packet->Start - VirtioNetHeader.Size);
        return new Slice(packet->Start - VirtioNetHeader.Size, packet->Length + VirtioNetHeader.Size);
    }

    /// <summary>Whether the bit of an IPv4 header is set that no superpacket can carry.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool HasReservedBits(in PacketView packet) =>
        !packet.IsV6 && (packet.Start[Ipv4Header.FragmentWord] & Ipv4Header.ReservedBit) != 0;

    private void AddToFlow(int index, in PacketView packet, int headerLength)
    {
        OpenFlow* flow = _open.Find(packet);
        if (headerLength == 0)
        {
            if (flow != null)
            {
                _open.Close(flow);
            }

            StartGroup(index, 0, packet.Protocol);
            return;
        }

        bool isTcp = packet.Protocol == Ipv4Header.Tcp;
        bool closes = isTcp && MergeRule.ClosesGroup(packet);
        if (flow != null)
        {
            GroupDraft* draft = _drafts + flow->Group;
            if (TryJoin(draft, index, headerLength, isTcp))
            {
                if (closes || packet.Length - headerLength < draft->SegmentSize)
                {
                    _open.Close(flow);
                }

                return;
            }

            _open.Close(flow);
        }

        int group = StartGroup(index, headerLength, packet.Protocol);
        if (!closes)
        {
            _open.Open(packet, group);
        }
    }

    private bool TryJoin(GroupDraft* draft, int index, int headerLength, bool isTcp)
    {
        ReceivedPacket* packet = _packets + index;
        ReceivedPacket* first = _packets + draft->First;
        int payload = packet->Length - headerLength;
        if (
            headerLength != draft->HeaderLength
            || payload > draft->SegmentSize
            || draft->TotalLength + payload > Ipv4Header.MaxPacketLength
            || draft->Count >= (isTcp ? MaxTcpPackets : MaxUdpPackets)
            || !MergeRule.SameIpHeader(first->Start, packet->Start, draft->NextId)
            || (isTcp && !MergeRule.SameTcpHeader(first->Start, packet->Start, headerLength, draft->NextSequence))
        )
        {
            return false;
        }

        // The first one waits for a second: a packet that stays alone is the kernel's to verify.
        if (!draft->Verified && !MergeRule.Verify(first->Start, first->Length))
        {
            return false;
        }

        draft->Verified = true;
        if (!MergeRule.Verify(packet->Start, packet->Length))
        {
            return false;
        }

        _packets[draft->Last].Next = index;
        draft->Append(index, packet->Start, payload, isTcp);
        return true;
    }

    /// <summary>Starts a group of one; a header length of 0 says that none will join.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int StartGroup(int index, int headerLength, byte protocol)
    {
        int group = _groupCount++;
        _drafts[group].Protocol = protocol;
        _drafts[group].Start(index, _packets[index].Start, _packets[index].Length, headerLength);
        return group;
    }
}
