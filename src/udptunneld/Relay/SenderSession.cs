// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Crypto;
using UdpTunnel.Linux;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay;

/// <summary>How an attempt to connect ended.</summary>
/// <param name="Problem">What went wrong, for a person.</param>
/// <param name="WasAdmitted">Whether datagrams flowed.</param>
/// <param name="IsRefused">Whether somebody has to decide something before another attempt can succeed.</param>
internal sealed record Attempt(string Problem, bool WasAdmitted, bool IsRefused);

/// <summary>
/// One connection of a sender from the handshake to its end, on the sender's thread, and the one place where it moves
/// from one state to the next (<see cref="MoveTo"/>). The thread waits for this connection alone; whoever ends the
/// connection wakes it.
/// </summary>
/// <remarks>
/// <code>
///   connected -> Handshake -> Waiting -> Serving -> Ended       each may end at any time
/// </code>
/// </remarks>
/// <param name="connection">The connection.</param>
/// <param name="introduction">Makes the words of this sender of itself, with what it serves now.</param>
/// <param name="checkKey">Compares the receiver's key with the known one; null if it may go on.</param>
/// <param name="moved">The connection has another state.</param>
/// <param name="waits">The receiver has said why the sender waits.</param>
/// <param name="accepted">The receiver has said which of its ports it takes.</param>
internal sealed class SenderSession(
    SenderConnection connection,
    Func<Introduction> introduction,
    Func<KeyFingerprint, Attempt?> checkKey,
    Action<ConnectionState> moved,
    Action<WaitingReason> waits,
    Action<ServiceOffer> accepted
)
{
    private const byte TlsAlertByte = 0x15;
    private const byte TlsHandshakeByte = 0x16;
    private const int TickInterval = 1000;

    private readonly long _deadline = RelayTimes.Now + RelayTimes.Handshake;
    private bool _saidHello;
    private ServiceTargets? _told;
    private Attempt? _end;

    /// <summary>Runs the connection to its end.</summary>
    public Attempt Run()
    {
        try
        {
            if (connection.Link.Codec.NamesFlows)
            {
                // Its receiver says nothing before the first datagram.
                MoveTo(ConnectionState.Waiting);
                Carry();
            }

            while (_end is null)
            {
                Step();
                if (_end is null && connection.State == ConnectionState.Serving)
                {
                    Carry();
                }
            }

            return _end;
        }
        catch (Exception e)
        {
            // Nobody has checked the receiver's key at first: an exception that nobody foresaw ends this connection,
            // not the daemon.
            return Failed($"this end failed: {e.GetType().Name}: {e.Message}");
        }
        finally
        {
            MoveTo(ConnectionState.Ended);
        }
    }

    /// <summary>The one place where the connection's state changes.</summary>
    private void MoveTo(ConnectionState next)
    {
        if (next <= connection.State)
        {
            return;
        }

        connection.State = next;
        connection.IsGreeted |= next is ConnectionState.Waiting or ConnectionState.Serving;
        connection.IsAdmitted |= next == ConnectionState.Serving;
        if (next == ConnectionState.Ended)
        {
            connection.Link.Shutdown();
        }

        moved(next);
    }

    /// <summary>One wait while the receiver has not let this sender in.</summary>
    private void Step()
    {
        var link = connection.Link;
        if (connection.State == ConnectionState.Handshake && !_saidHello)
        {
            Shake();
        }
        else
        {
            Read(link.TryFill());
        }

        if (_end is not null || connection.State == ConnectionState.Serving)
        {
            return;
        }

        var now = RelayTimes.Now;
        if (connection.State == ConnectionState.Handshake && now > _deadline)
        {
            _end = Failed(
                $"it did not answer within {RelayTimes.Handshake / 1000} s; "
                    + "it may speak the classic protocol (--protocol)"
            );
        }
        else if (
            !SendServices()
            || (_saidHello && connection.Liveness.ShouldAsk(now) && !link.TryWrite(FrameType.Ping, []))
            || !link.TryFlush()
        )
        {
            _end = Failed("it closed the connection");
        }
        else
        {
            link.Socket.Wait(link.IsPending, TickInterval);
        }
    }

    /// <summary>Handshake and pinning.</summary>
    private void Shake()
    {
        var link = connection.Link;
        switch (link.Shake())
        {
            case TlsProgress.Waits:
                return;
            case TlsProgress.Failed:
                _end = Failed(
                    link.FirstByte is -1 or TlsHandshakeByte or TlsAlertByte
                        ? $"the TLS handshake failed: {link.Problem}; it may speak the classic protocol (--protocol)"
                        : "it does not speak TLS; if it speaks the classic protocol, start it, or this relay, "
                            + "with the other --protocol"
                );
                return;
        }

        _end = checkKey(link.PeerKey!) ?? (connection.Shortcoming is { } shortcoming ? Failed(shortcoming) : null);
        if (_end is null)
        {
            _saidHello = true;
            _told = connection.Targets;
            connection.Liveness.OnHeard(RelayTimes.Now);
            if (!link.TryWrite(FrameType.Hello, Hello.OfSender(link.Version, introduction())))
            {
                _end = Failed("it closed the connection");
                return;
            }

            Read(link.Reader.FillMore());
        }
    }

    /// <summary>The services may have changed since the hello.</summary>
    /// <returns>False if the connection is broken.</returns>
    private bool SendServices()
    {
        if (_told is null || ReferenceEquals(_told, connection.Targets))
        {
            return true;
        }

        _told = connection.Targets;
        if (connection.Shortcoming is { } shortcoming)
        {
            connection.End(shortcoming);
            return false;
        }

        return connection.Link.Version < 2 || connection.Link.TryWrite(FrameType.Services, _told.Offer.Write());
    }

    /// <summary>Takes what a receiver says before it lets datagrams flow.</summary>
    private void Read(int came)
    {
        var reader = connection.Link.Reader;
        for (; came > 0; came = reader.FillMore())
        {
            connection.Liveness.OnHeard(RelayTimes.Now);
            FrameStatus status;
            while ((status = reader.Next(out var frame)) == FrameStatus.Complete)
            {
                _end = TakeWhileWaiting(frame);
                if (_end is not null || connection.State == ConnectionState.Serving)
                {
                    return;
                }
            }

            if (status == FrameStatus.Malformed)
            {
                _end = Broken();
                return;
            }
        }

        if (came == 0)
        {
            _end = reader.IsOverfull ? Broken() : Failed("it closed the connection");
        }
    }

    private Attempt? TakeWhileWaiting(in RelayFrame frame)
    {
        switch (frame.Type)
        {
            case FrameType.Hello
                when Hello.Problem(frame.Payload, fromReceiver: true, connection.Link.Version) is { } problem:
                return Failed(problem);
            case FrameType.Hello:
                MoveTo(ConnectionState.Waiting);
                waits(WaitingReason.Decision);
                return null;
            case FrameType.Waiting:
                waits((WaitingReason)frame.Payload[0]);
                return null;
            case FrameType.Approved:
                MoveTo(ConnectionState.Serving);
                return null;
            case FrameType.Denied:
                return Denied(Denial.Read(frame.Payload));
            case FrameType.Ping:
                return connection.Link.TryWrite(FrameType.Pong, []) ? null : Failed("it closed the connection");
            case FrameType.Pong:
                return null;
            default:
                return Broken();
        }
    }

    /// <summary>Carries datagrams until the connection ends.</summary>
    private void Carry()
    {
        ServiceLoop loop;
        try
        {
            loop = new ServiceLoop(connection);
        }
        catch (LinuxException e)
        {
            _end = Failed(e.Message);
            return;
        }

        using var requests = new RequestSender(connection, loop);
        try
        {
            loop.Run(() => (_end = Take(requests, loop)) is null);
        }
        finally
        {
            connection.Link.Shutdown();
            loop.Dispose();
        }
    }

    /// <summary>Takes what the receiver has sent while datagrams flow.</summary>
    /// <returns>Null if it goes on.</returns>
    private Attempt? Take(RequestSender requests, ServiceLoop loop)
    {
        var came = connection.Link.TryFill();
        var now = RelayTimes.Now;
        if (came > 0)
        {
            connection.Liveness.OnHeard(now);
        }

        var status = FrameStatus.Incomplete;
        Attempt? end = null;
        while (end is null && (status = connection.Link.Reader.Next(out var frame)) == FrameStatus.Complete)
        {
            end = Take(frame, requests, loop, now);
        }

        // Datagrams in front of the end are still sent.
        requests.Send();
        if (connection.Counters.FlowsOpened > 0)
        {
            MoveTo(ConnectionState.Serving);
        }

        return end
            ?? (status == FrameStatus.Malformed ? Broken() : null)
            ?? (came == 0 ? Failed("it closed the connection") with { WasAdmitted = connection.IsAdmitted } : null);
    }

    private Attempt? Take(in RelayFrame frame, RequestSender requests, ServiceLoop loop, long now)
    {
        switch (frame.Type)
        {
            case FrameType.Datagram:
                requests.Add(frame, now);
                return null;
            case FrameType.FlowClosed:
                connection.Origins.Remove(frame.FlowId);
                if (connection.Flows.Find(frame.FlowId) is { } flow)
                {
                    requests.Send();
                    loop.Close(flow);
                }

                return null;
            case FrameType.FlowOpened
                when connection.Link.Version >= 2 && FlowOpening.TryRead(frame.Payload, out var opening):
                connection.Origins.Set(frame.FlowId, opening);
                return null;
            case FrameType.Services when connection.Link.Version >= 2:
                var payload = frame.Payload;
                if (ServiceOffer.Read(ref payload) is not { } taken)
                {
                    return Broken();
                }

                accepted(taken);
                return null;
            case FrameType.Ping:
                loop.Writer.AddControl(FrameType.Pong, 0, []);
                return null;
            case FrameType.Pong or FrameType.Approved:
                return null;
            case FrameType.Denied:
                return Denied(Denial.Read(frame.Payload)) with { WasAdmitted = true };
            default:
                return Broken();
        }
    }

    private Attempt Broken()
    {
        connection.Counters.CountDrop(RelayDropReason.ProtocolError);
        var problem =
            connection.Link.FirstByte is TlsAlertByte or TlsHandshakeByte && connection.Link.Codec.NamesFlows
                ? "it speaks TLS: start this relay with --protocol tls"
                : "it sent what the protocol does not know";
        return Failed(problem) with { WasAdmitted = connection.IsAdmitted };
    }

    private Attempt Denied(Denial denial) =>
        new(
            $"the receiver {connection.Link.Socket.Remote} sent this sender away: {denial.Text}",
            WasAdmitted: false,
            IsRefused: denial.IsFinal
        );

    private Attempt Failed(string problem) =>
        new($"receiver {connection.Link.Socket.Remote}: {connection.EndReason ?? problem}", false, false);
}
