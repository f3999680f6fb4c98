// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Linux;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay;

/// <summary>
/// How a sender stands, for its status and for events. The sender's thread tells what happens; any thread reads
/// <see cref="Current"/>.
/// </summary>
/// <param name="protocol">The sender's protocol.</param>
/// <param name="events">Where to tell.</param>
internal sealed class SenderReport(RelayProtocol protocol, RelayEvents events)
{
    private volatile Standing _current = new();
    private string _told = "";

    /// <summary>How it stands.</summary>
    public Standing Current => _current;

    /// <summary>There is a connection; nothing was said on it.</summary>
    public void OnConnected(TcpSocket socket) =>
        _current = _current with
        {
            PeerAddress = socket.Remote.ToString(),
            PeerKey = null,
            Connections = _current.Connections + 1,
        };

    /// <summary>The receiver has proven its key.</summary>
    public void OnKey(KeyFingerprint key) => _current = _current with { PeerKey = key };

    /// <summary>It is not the known one.</summary>
    public void OnOtherKey(string problem) => ReportOnce(EventKind.ReceiverKeyChanged, EventLevel.Error, problem);

    /// <summary>The connection has another state.</summary>
    public void OnMoved(SenderConnection connection, ConnectionState state)
    {
        events.Debug.Write(
            events.Relay,
            $"the connection to the receiver at {connection.Link.Socket.Remote} goes to {state}"
        );
        switch (state)
        {
            case ConnectionState.Waiting when protocol == RelayProtocol.Classic:
                _current = _current with
                {
                    State = RelayState.Pending,
                    Problem =
                        "connected; the classic protocol does not tell whether the receiver has approved it "
                        + "before the first datagram"
                        + (_told.Length > 0 ? $"; last time: {_told}" : ""),
                };
                break;
            case ConnectionState.Serving:
                _current = _current with { State = RelayState.Running, Problem = "" };
                _told = "";
                var key = connection.Link.PeerKey is { } peer ? $" ({peer})" : "";
                events.Raise(
                    EventKind.RelayConnected,
                    EventLevel.Info,
                    $"connected to {connection.Link.Socket.Remote}{key}: datagrams flow",
                    new EventFacts { Endpoint = $"{connection.Link.Socket.Remote}" }
                );
                break;
            case ConnectionState.Ended when connection.IsGreeted:
                _current = _current with { LastHeard = connection.Liveness.Heard };
                break;
        }
    }

    /// <summary>The receiver has said why the sender waits.</summary>
    public void OnWaiting(WaitingReason reason)
    {
        var isTaken = reason == WaitingReason.Taken;
        var problem = isTaken
            ? "the receiver has let another sender in; this one waits until that is gone "
                + "and the receiver's user approves it"
            : "waits until the receiver's user approves it";
        _current = _current with { State = RelayState.Pending, Problem = problem };
        if (isTaken)
        {
            ReportOnce(EventKind.RelayWaiting, EventLevel.Warning, problem);
        }
    }

    /// <summary>The receiver has said which ports it takes of those that are served here.</summary>
    public void OnAccepted(ServiceOffer offer, ServiceOffer accepted)
    {
        var ports = offer.Ports.SelectMany(r => Enumerable.Range(r.First, r.Count));
        if (!offer.IsSole && ports.Any(p => !accepted.Contains(p)))
        {
            events.Raise(
                EventKind.RelayConnected,
                EventLevel.Warning,
                $"the receiver takes {accepted.ToDisplayText()} of {offer.ToDisplayText()} that this sender serves: "
                    + "it does not listen for the others"
            );
        }
    }

    /// <summary>An attempt to connect, or the connection that came of it, has ended.</summary>
    public void OnEnded(Attempt attempt)
    {
        events.Debug.Write(events.Relay, $"an attempt to reach the receiver has ended: {attempt.Problem}");
        _current = _current with
        {
            State = attempt.IsRefused ? RelayState.Refused : RelayState.Connecting,
            Problem = attempt.Problem,
        };
        ReportOnce(EventKind.RelayDisconnected, EventLevel.Warning, attempt.Problem);
    }

    /// <summary>
    /// Tells a problem once until datagrams flow, or there is another one; a receiver that alternates is bounded all
    /// the same.
    /// </summary>
    private void ReportOnce(EventKind kind, EventLevel level, string problem)
    {
        if (_told != problem)
        {
            _told = problem;
            events.Raise(kind, level, problem, new EventFacts { Problem = problem });
        }
    }

    /// <summary>How a sender stands at one moment.</summary>
    internal sealed record Standing
    {
        public RelayState State { get; init; } = RelayState.Connecting;

        /// <summary>Why it does not run, or empty.</summary>
        public string Problem { get; init; } = "";

        /// <summary>The receiver of the last connection, or empty.</summary>
        public string PeerAddress { get; init; } = "";

        /// <summary>The receiver's key; null if it has not proven one on the last connection.</summary>
        public KeyFingerprint? PeerKey { get; init; }

        /// <summary>When the receiver of the last connection was last heard, in milliseconds; 0 for never.</summary>
        public long LastHeard { get; init; }

        /// <summary>Connections that were made.</summary>
        public long Connections { get; init; }
    }
}
