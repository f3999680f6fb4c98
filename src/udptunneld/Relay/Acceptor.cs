// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Linux;
using UdpTunnel.Relay.Approval;
using UdpTunnel.Relay.Link;
using UdpTunnel.Relay.Wire;
using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Relay;

/// <summary>
/// Which connections come in at a receiver, and when: takes them from the kernel as far as there are places for
/// handshakes, and pauses where the system has no descriptors or memory left. Belongs to the receiver's thread.
/// </summary>
/// <param name="identity">The own key; null for no TLS.</param>
/// <param name="listener">Where they come from.</param>
/// <param name="epoll">Watches them.</param>
/// <param name="admissions">Who has come from where before.</param>
/// <param name="counters">Of the receiver's thread.</param>
internal sealed class Acceptor(
    Identity? identity,
    TcpListenSocket listener,
    Epoll epoll,
    Admissions admissions,
    RelayCounters counters
)
{
    /// <summary>The first number of a connection; those below are free for others that epoll watches.</summary>
    public const ulong FirstId = 16;

    /// <summary>How long it pauses, in milliseconds.</summary>
    public const int Pause = 100;

    private const int AcceptsPerTurn = 16;

    private readonly HandshakePlaces<ReceiverConnection> _places = new();
    private ulong _lastId = FirstId;
    private long _resumes;

    /// <summary>Whether it listens, and does not pause.</summary>
    public bool IsAccepting { get; private set; }

    /// <summary>Begins to listen.</summary>
    public void Start() => Listen(true);

    /// <summary>Listens again, if its pause is over.</summary>
    public void Resume(long now)
    {
        if (!IsAccepting && now >= _resumes)
        {
            Listen(true);
        }
    }

    /// <summary>Accepts connections that wait in the kernel's queue.</summary>
    /// <param name="accepted">Takes each.</param>
    /// <param name="end">Ends one that gave its place to a newer one, with the reason.</param>
    public void Accept(Action<ReceiverConnection> accepted, Action<ReceiverConnection, string> end)
    {
        for (var i = 0; i < AcceptsPerTurn; i++)
        {
            var error = listener.TryAccept(out var socket);
            if (socket is null)
            {
                if (error != Errno.None)
                {
                    // Out of descriptors or memory. The connections stay in the kernel's queue; others may free some.
                    counters.CountDrop(RelayDropReason.NoDescriptors);
                    Listen(false);
                }

                return;
            }

            if (Welcome(socket, end) is { } connection)
            {
                accepted(connection);
            }
        }
    }

    /// <summary>A connection needs its place among the handshakes no more.</summary>
    public void Release(ReceiverConnection connection) => _places.Release(connection);

    private ReceiverConnection? Welcome(TcpSocket socket, Action<ReceiverConnection, string> end)
    {
        ReceiverConnection? connection = null;
        try
        {
            IRelayCodec codec = identity is null ? new ClassicCodec() : new TlsCodec();
            connection = new ReceiverConnection(++_lastId, socket, codec, identity?.Context, counters);
            if (
                !_places.TryTake(
                    connection,
                    admissions.IsFriendly(connection.Network),
                    RelayTimes.Now,
                    out var givesWay
                )
            )
            {
                counters.CountDrop(RelayDropReason.PendingLimit);
                connection.Dispose();
                return null;
            }

            if (givesWay is not null)
            {
                counters.CountDrop(RelayDropReason.PendingLimit);
                end(givesWay, "it made no progress and gave way to a newer connection");
            }

            if (epoll.Add(socket.Descriptor, EPOLLIN, connection.Id) != Errno.None)
            {
                counters.CountDrop(RelayDropReason.NoDescriptors);
                _places.Release(connection);
                connection.Dispose();
                return null;
            }
        }
        catch (Exception)
        {
            // Memory that cannot be had is this connection's end.
            counters.CountDrop(RelayDropReason.NoDescriptors);
            if (connection is not null)
            {
                _places.Release(connection);
            }

            socket.Dispose();
            return null;
        }

        connection.Watched = EPOLLIN;
        connection.Deadline = RelayTimes.Now + (identity is null ? RelayTimes.Handshake : RelayTimes.FirstByte);
        return connection;
    }

    private void Listen(bool accepts)
    {
        if (accepts)
        {
            // Without room in epoll it is tried again after a pause.
            IsAccepting = epoll.Add(listener.Descriptor, EPOLLIN, ReceiverLoop.Listening) == Errno.None;
        }
        else if (IsAccepting)
        {
            epoll.Remove(listener.Descriptor);
            IsAccepting = false;
        }

        _resumes = RelayTimes.Now + Pause;
    }
}
