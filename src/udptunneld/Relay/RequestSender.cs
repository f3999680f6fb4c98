// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using UdpTunnel.Linux;
using UdpTunnel.Relay.Flows;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay;

/// <summary>
/// What a sender does with the datagrams that come from the receiver: sends each on its flow's own socket, which it
/// opens when the flow is new.
/// </summary>
internal sealed unsafe class RequestSender(SenderConnection connection, ServiceLoop loop) : IDisposable
{
    // While the system has no descriptors, asking for one at each datagram would only slow the others down.
    private const long DescriptorPause = 100;

    // Milliseconds without an answer from where answers came from last; then the service itself is asked again.
    private const long FollowTime = 10_000;

    // Room for the longest datagram and its header several times.
    private const int IntroducedSize = 256 * 1024;

    private readonly FlowBatch<SenderFlow> _batch = new();
    private readonly DatagramQueue _queue = new(ServiceSocket.IsDualStack);
    private byte[]? _introduced;
    private int _introducedCount;
    private long _noDescriptorsUntil;

    private RelayCounters Counters => connection.Counters;

    /// <summary>Takes a datagram; it leaves with the next Send.</summary>
    public void Add(in RelayFrame frame, long now)
    {
        if (frame.Length > IRelayCodec.MaxDatagram)
        {
            Counters.CountDrop(RelayDropReason.TooBig);
            return;
        }

        if ((connection.Flows.Find(frame) ?? Open(frame, now)) is not { } flow)
        {
            return;
        }

        if (flow.Place != flow.Service.Current || !flow.Peer.Equals(flow.Place.Endpoint))
        {
            Redirect(flow, now);
        }

        var start = frame.Start;
        var length = frame.Length;
        if (flow.ProxyHeader is { } header && (flow.IntroducesEach || !flow.IsIntroduced))
        {
            if (header.Length + length > IRelayCodec.MaxDatagram)
            {
                Counters.CountDrop(RelayDropReason.TooBig);
                return;
            }

            flow.IsIntroduced = true;
            start = Introduce(header, frame.Payload);
            length += header.Length;
        }

        connection.Flows.OnRequest(flow, now);
        flow.Service.OnRequest(now);
        flow.CountToService(frame.Length);
        _batch.Add(flow, ref flow.Chain, start, length);
        if (_batch.IsFull)
        {
            Send();
        }
    }

    /// <summary>Sends what was taken.</summary>
    public void Send()
    {
        var flows = _batch.Flows;
        for (var i = 0; i < flows.Length; i++)
        {
            Send(flows[i], _batch.First(i));
        }

        _batch.Clear();
        _introducedCount = 0;
    }

    /// <inheritdoc/>
    public void Dispose() => _queue.Dispose();

    /// <summary>The flow's datagrams do not go to where the service is now. It may be well so.</summary>
    private static void Redirect(SenderFlow flow, long now)
    {
        var idle = now - flow.LastAnswer;
        if (flow.Service.Current is { } place && idle >= (flow.Place == place ? FollowTime : ServicePlace.Loyalty))
        {
            flow.Direct(place);
        }
    }

    /// <summary>Copies a datagram behind a header, to where both stay until they are sent.</summary>
    private byte* Introduce(byte[] header, ReadOnlySpan<byte> datagram)
    {
        // Pinned, as the reader's buffer is. Only senders with ProxyProtocol have it.
        _introduced ??= GC.AllocateUninitializedArray<byte>(IntroducedSize, pinned: true);
        if (_introducedCount + header.Length + datagram.Length > IntroducedSize)
        {
            Send();
        }

        var place = _introduced.AsSpan(_introducedCount, header.Length + datagram.Length);
        header.CopyTo(place);
        datagram.CopyTo(place[header.Length..]);
        _introducedCount += place.Length;
        return (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(place));
    }

    private void Send(SenderFlow flow, in FlowBatch<SenderFlow>.Entry first)
    {
        ref readonly var entry = ref first;
        while (true)
        {
            if (_queue.IsFull)
            {
                Transmit(flow);
            }

            _queue.Add(entry.Start, entry.Length, flow.Peer, default);
            if (entry.Next == 0)
            {
                break;
            }

            entry = ref _batch.After(entry);
        }

        Transmit(flow);
    }

    private void Transmit(SenderFlow flow)
    {
        var result = _queue.Send(flow.Descriptor);
        Counters.CountToService(result.Sent, result.SentBytes);
        Counters.CountLost(result);
        if (result.Error is not (Errno.None or Errno.Again or Errno.Interrupted))
        {
            ServiceLoop.OnError(flow, result.Error);
        }
    }

    private SenderFlow? Open(in RelayFrame frame, long now)
    {
        var reason = TryOpen(frame, now, out var flow);
        if (reason != RelayDropReason.None)
        {
            Counters.CountDrop(reason);
            return null;
        }

        Counters.CountFlow();
        return flow;
    }

    private RelayDropReason TryOpen(in RelayFrame frame, long now, out SenderFlow? flow)
    {
        flow = null;
        if (connection.Flows.Predecessor(frame) is { } older)
        {
            Send();
            loop.Close(older);
        }

        if (now < _noDescriptorsUntil)
        {
            return RelayDropReason.NoDescriptors;
        }

        FlowOpening? origin = null;
        if (connection.Link.Version >= 2)
        {
            if (!connection.Origins.TryFind(frame.FlowId, out var told))
            {
                loop.Writer.AddControl(FrameType.FlowClosed, frame.FlowId, []);
                return RelayDropReason.UnknownFlow;
            }

            origin = told;
        }

        if (connection.Targets.Find(origin?.Port ?? 0) is not { } service)
        {
            return RelayDropReason.NoService;
        }

        if (service.Current is not { } place)
        {
            return RelayDropReason.SendFailed;
        }

        if (connection.Flows.IsFull && !TryDisplace(now))
        {
            return RelayDropReason.FlowLimit;
        }

        var error = ServiceSocket.TryOpen(out var descriptor);
        if (error != Errno.None)
        {
            if (error is Errno.TooManyFiles or Errno.TooManyFilesInSystem or Errno.NoBuffers or Errno.OutOfMemory)
            {
                _noDescriptorsUntil = now + DescriptorPause;
                return RelayDropReason.NoDescriptors;
            }

            return RelayDropReason.SendFailed;
        }

        flow = connection.Flows.Add(frame, descriptor, service, place, origin, connection.Proxy, now);
        if (loop.Watch(flow) == Errno.None)
        {
            return RelayDropReason.None;
        }

        // No room in epoll (max_user_watches): without it no answer would ever come.
        loop.Close(flow);
        flow = null;
        return RelayDropReason.NoDescriptors;
    }

    private bool TryDisplace(long now)
    {
        if (connection.Flows.Yielding(now) is not { } displaced)
        {
            return false;
        }

        if (displaced.Standing != FlowStanding.Answered)
        {
            Counters.CountDrop(RelayDropReason.FlowLimit);
        }

        Send();
        loop.Writer.AddControl(FrameType.FlowClosed, displaced.Id, []);
        loop.Close(displaced);
        return true;
    }
}
