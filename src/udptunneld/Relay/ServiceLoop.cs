// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Linux;
using UdpTunnel.Relay.Flows;
using UdpTunnel.Relay.Link;
using UdpTunnel.Relay.Wire;
using UdpTunnel.Waiting;
using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Relay;

/// <summary>
/// How a sender waits while datagrams flow: for the receiver and for all flows' sockets at once, on the thread that
/// connected. Takes the answers of the service and hands what came to the receiver by one write. Lives as long as the
/// connection carries datagrams.
/// </summary>
internal sealed unsafe class ServiceLoop : IDisposable
{
    private const int BatchSize = 64;
    private const int TickInterval = 1000;

    // Above all flow numbers, which have 32 bits.
    private const ulong ConnectionReady = 1UL << 32;

    private readonly SenderConnection _connection;
    private readonly Epoll _epoll = new();
    private uint _watched = EPOLLIN;
    private long _lastTick = RelayTimes.Now;
    private ServiceTargets _targets;

    /// <param name="connection">The connection; the calling thread reads it and writes to it from now on.</param>
    /// <exception cref="LinuxException">The system has no descriptors left, or watches no more of them.</exception>
    public ServiceLoop(SenderConnection connection)
    {
        _connection = connection;
        _targets = connection.Targets;
        if (_epoll.Add(connection.Link.Socket.Descriptor, _watched, ConnectionReady) is var error and not Errno.None)
        {
            _epoll.Dispose();
            throw new LinuxException("cannot watch the connection", error);
        }

        Writer = connection.Link.BeginStreaming(connection.Counters);
    }

    /// <summary>Frames to the receiver; they leave when all that came at once was taken.</summary>
    public FrameWriter Writer { get; }

    private RelayCounters Counters => _connection.Counters;

    /// <summary>Carries datagrams.</summary>
    /// <param name="takeRequests">Takes what the receiver has sent; false ends it.</param>
    public void Run(Func<bool> takeRequests)
    {
        using var batch = new ReceiveBatch(BatchSize);
        using var pulse = Pulse.OfThisThread();

        // Some may have been read already.
        var goesOn = takeRequests();
        var ready = 0;
        while (goesOn)
        {
            if (!_connection.Link.ShouldGather(ready))
            {
                Flush();
            }

            pulse.Waits();
            ready = _connection.Link.Wait(_epoll, TickInterval);
            pulse.Works();
            goesOn = Take(ready, batch, takeRequests);
        }
    }

    /// <summary>Begins to wait for a flow's answers.</summary>
    public Errno Watch(SenderFlow flow) => _epoll.Add(flow.Descriptor, EPOLLIN, flow.Id);

    /// <summary>Ends a flow and closes its socket.</summary>
    public void Close(SenderFlow flow)
    {
        CountBufferDrops(flow);
        ServiceSocket.Close(flow.Descriptor);
        _connection.Flows.End(flow);
    }

    /// <summary>The network refused a datagram of a flow, now or before.</summary>
    public static void OnError(SenderFlow flow, Errno error)
    {
        ServiceSocket.ForgetErrors(flow.Descriptor);
        if (error == Errno.ConnectionRefused)
        {
            // Who listens there next does not know the client.
            flow.IsIntroduced = false;
        }

        if (flow.Peer.Equals(flow.Place.Endpoint))
        {
            flow.Service.OnError(flow.Place, error, RelayTimes.Now);
        }
        else
        {
            // Who answered last has gone: the service itself is asked again.
            flow.Direct(flow.Service.Current ?? flow.Place);
        }
    }

    /// <summary>Closes all flows.</summary>
    public void Dispose()
    {
        Writer.Abandon();
        foreach (var flow in _connection.Flows.All)
        {
            Close(flow);
        }

        _epoll.Dispose();
    }

    private bool Take(int ready, ReceiveBatch batch, Func<bool> takeRequests)
    {
        var now = RelayTimes.Now;
        var goesOn = true;
        for (var i = 0; i < ready; i++)
        {
            var what = _epoll.Data(i);
            if (what == ConnectionReady)
            {
                goesOn = takeRequests();
            }
            else if (_connection.Flows.Find((uint)what) is { } flow)
            {
                Receive(flow, batch, now);
            }
        }

        return goesOn;
    }

    /// <summary>
    /// The services have changed: tells the receiver, and closes the sockets of flows that go elsewhere now. Their next
    /// datagrams open them again.
    /// </summary>
    private void FollowTargets()
    {
        _targets = _connection.Targets;
        if (_connection.Shortcoming is { } shortcoming)
        {
            _connection.End(shortcoming);
            return;
        }

        if (_connection.Link.Version >= 2)
        {
            Writer.AddControl(FrameType.Services, 0, _targets.Offer.Write());
        }

        foreach (var flow in _connection.Flows.All)
        {
            if (_targets.Find(flow.Port) != flow.Service)
            {
                Close(flow);
            }
        }
    }

    private void Flush()
    {
        var now = RelayTimes.Now;
        if (!ReferenceEquals(_targets, _connection.Targets))
        {
            FollowTargets();
        }

        if (now - _lastTick >= TickInterval)
        {
            Tick(now);
        }

        Writer.Flush();
        var events = Writer.IsPending ? EPOLLIN | EPOLLOUT : EPOLLIN;
        _ = _epoll.Change(Writer.Socket.Descriptor, _watched, events, ConnectionReady);
        _watched = events;
    }

    private void Receive(SenderFlow flow, ReceiveBatch batch, long now)
    {
        var error = batch.TryReceive(flow.Descriptor);
        if (error != Errno.None)
        {
            if (error == Errno.Again)
            {
                // It was ready for an error that sending has reported.
                ServiceSocket.ForgetErrors(flow.Descriptor);
            }
            else if (error != Errno.Interrupted)
            {
                // An ICMP error of this flow alone.
                Counters.CountDrop(
                    error == Errno.ConnectionRefused ? RelayDropReason.ServiceRefused : RelayDropReason.SendFailed
                );
                OnError(flow, error);
            }

            return;
        }

        for (var i = 0; i < batch.Count; i++)
        {
            var start = batch.Start(i);
            var left = batch.Length(i);
            var size = Math.Max(1, batch.DatagramSize(i));
            if (!Accept(flow, batch.Source(i), now))
            {
                Counters.CountDrop(RelayDropReason.OtherSource, Math.Max(1, (left + size - 1) / size));
                continue;
            }

            do
            {
                var datagram = Math.Min(left, size);
                Forward(flow, new ReadOnlySpan<byte>(start, datagram), batch.IsTruncated(i));
                start += datagram;
                left -= datagram;
            } while (left > 0);
        }
    }

    /// <summary>Whether an answer is one of the flow's. It goes on with who has answered.</summary>
    private bool Accept(SenderFlow flow, in Endpoint source, long now)
    {
        if (!source.Equals(flow.Peer))
        {
            var isTaken = _connection.AnswersFrom switch
            {
                AnswersFrom.AnyPort => source.HasAddressOf(flow.Peer),
                AnswersFrom.Any => true,
                _ => false,
            };
            if (!isTaken)
            {
                flow.Service.OnForeign(source, flow.Peer, now);
                return false;
            }

            if (!flow.Place.IsGroup)
            {
                flow.Peer = source;
            }
        }

        flow.LastAnswer = now;
        flow.Service.OnAnswer(now);
        _connection.Flows.OnAnswer(flow, now);
        return true;
    }

    private void Forward(SenderFlow flow, ReadOnlySpan<byte> datagram, bool isTruncated)
    {
        if (isTruncated || datagram.Length > IRelayCodec.MaxDatagram)
        {
            Counters.CountDrop(RelayDropReason.TooBig);
        }
        else
        {
            Writer.Add(flow, datagram);
        }
    }

    private void Tick(long now)
    {
        _lastTick = now;
        if (_connection.Liveness.ShouldAsk(now))
        {
            Writer.AddControl(FrameType.Ping, 0, []);
        }

        foreach (var flow in _connection.Flows.All)
        {
            if (now - flow.LastUsed >= _connection.IdleTimeout)
            {
                Writer.AddControl(FrameType.FlowClosed, flow.Id, []);
                Close(flow);
            }
            else if (now - flow.LastUsed <= 2 * TickInterval)
            {
                // Where nothing was received nothing was dropped either.
                CountBufferDrops(flow);
            }
        }
    }

    private void CountBufferDrops(SenderFlow flow)
    {
        var drops = ServiceSocket.BufferDrops(flow.Descriptor);
        Counters.CountDrop(RelayDropReason.BufferFull, drops - flow.BufferDrops);
        flow.BufferDrops = drops;
    }
}
