using System.Collections.Concurrent;
using System.Net;
using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;
using UdpTunnel.Relay.Approval;
using UdpTunnel.Relay.Flows;
using UdpTunnel.Relay.Link;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay;

/// <summary>
/// One running receiver. Threads: one for datagrams in both directions (<see cref="ClientLoop"/>), one that accepts connections, and one for each connection,
/// which reads it until it is let in and ends it (ReceiverEngine.Connections.cs).
/// </summary>
/// <remarks>
/// Memory: the buffers of <see cref="ReceiveBatch"/> (64 messages), those of <see cref="FrameReader"/> and <see cref="FrameWriter"/> for the one sender that
/// is let in, the flow table, and 22 KiB and a thread for each of at most 16 handshakes, 16 strangers and 64 remembered senders that wait.
/// </remarks>
internal sealed partial class ReceiverEngine : IRelayEngine
{
    private readonly RelayConfig _config;
    private readonly Identity? _identity;
    private readonly SenderKeys _keys;
    private readonly EventLog _events;
    private readonly RelayLimits _limits;
    private readonly TimeProvider _time;
    private readonly Action _changed;
    private readonly DateTimeOffset _started;
    private readonly WakeSignal _stop;
    private readonly ManualResetEventSlim _pause = new();
    private readonly ClientSocket _clients;
    private readonly TcpListenSocket _listener;
    private readonly ClientLoop _loop;
    private readonly Thread _acceptor;
    private readonly ConcurrentQueue<ReceiverConnection> _admitted = new();
    private readonly ConcurrentQueue<ReceiverConnection> _ended = new();

    // What threads counted that are gone, and what no thread of its own counts.
    private readonly RelayCounters _past = new();
    private readonly RelayCounters _shared = new();

    // Protects the approvals, the set of connections and where each of them stands.
    private readonly Lock _gate = new();
    private readonly Approvals<ReceiverConnection> _approvals;
    private readonly HashSet<ReceiverConnection> _connections = [];
    private volatile ReceiverConnection? _letIn;
    private volatile bool _stops;
    private volatile string _problem = "";
    private long _lastHeard;
    private long _letInCount;

    private ReceiverEngine(
        RelayConfig config, WakeSignal stop, ClientSocket clients, TcpListenSocket listener, RelayServices services, SenderKeys keys, Identity? identity)
    {
        _config = config;
        _identity = identity;
        _keys = keys;
        _events = services.Events;
        _limits = new RelayLimits(services, config);
        _time = services.Time;
        _changed = services.SendersChanged;
        _started = _time.GetUtcNow();
        _stop = stop;
        _clients = clients;
        _listener = listener;
        _approvals = new Approvals<ReceiverConnection>(keys.Load(), _time);
        _loop = new ClientLoop(
            clients,
            config.Name,
            () => _admitted.TryDequeue(out var connection) ? connection : null,
            () => _ended.TryDequeue(out var connection) ? connection : null);
        _acceptor = new Thread(Accept) { IsBackground = true, Name = $"{config.Name} accept" };
        _loop.Start();
        _acceptor.Start();
    }

    /// <inheritdoc/>
    public RelayStatus Status
    {
        get
        {
            lock (_gate)
            {
                var total = new RelayCounters();
                total.Add(_past);
                total.Add(_shared);
                total.Add(_loop.Counters);
                foreach (var connection in _connections)
                {
                    total.Add(connection.Counters);
                }

                total.CountDrop(RelayDropReason.BufferFull, _stops ? 0 : _clients.BufferDrops);
                var active = _letIn;
                var heard = active is null ? _lastHeard : active.Liveness.Heard;
                return new RelayStatus
                {
                    Config = _config,
                    State = active is null ? RelayState.Waiting : RelayState.Running,
                    Problem = active is null ? _problem : "",
                    Started = _started,
                    OwnFingerprint = _identity?.Fingerprint.ToString() ?? "",
                    PeerAddress = active?.Remote.ToString() ?? "",
                    PeerFingerprint = active?.Key?.ToString() ?? "",
                    LastHeard = heard == 0 ? null : _time.GetUtcNow() - TimeSpan.FromMilliseconds(RelayTimes.Now - heard),
                    Traffic = total.Traffic,
                    Flows = active?.Flows?.Count ?? 0,
                    FlowsOpened = total.FlowsOpened,
                    Connections = _letInCount,
                    PendingSenders = _approvals.Waiting.Count,
                    Drops = total.Drops,
                };
            }
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<FlowStatus> Flows
    {
        get
        {
            var now = RelayTimes.Now;
            return
            [
                .. (_letIn?.Flows?.All ?? []).Select(f => new FlowStatus(
                    f.Client,
                    _config.Protocol == RelayProtocol.Tls ? f.Id : 0,
                    TimeSpan.FromMilliseconds(now - f.Opened),
                    TimeSpan.FromMilliseconds(Math.Max(0, now - f.LastUsed)),
                    f.Traffic)),
            ];
        }
    }

    /// <summary>Starts a receiver; when this returns it listens.</summary>
    /// <exception cref="RequestException">A port is taken, or the key cannot be made.</exception>
    public static ReceiverEngine Start(RelayConfig config, RelayServices services, SenderKeys keys)
    {
        var identity = config.Protocol == RelayProtocol.Tls ? services.GetIdentity() : null;
        WakeSignal? stop = null;
        ClientSocket? clients = null;
        TcpListenSocket? listener = null;
        try
        {
            stop = new WakeSignal();
            clients = ClientSocket.Bind(AddressOf(config.UdpAddress), config.UdpAddress.Port);
            listener = TcpListenSocket.Listen(AddressOf(config.TcpAddress), config.TcpAddress.Port, stop);
            return new ReceiverEngine(config, stop, clients, listener, services, keys, identity);
        }
        catch (Exception e)
        {
            // A stored relay is tried again and again: nothing may be left behind.
            listener?.Dispose();
            clients?.Dispose();
            stop?.Dispose();
            if (e is IOException)
            {
                var isTaken = e is LinuxException { Errno: Errno.AddressInUse };
                throw new RequestException(isTaken ? Fault.PortTaken : Fault.System, e.Message);
            }

            throw;
        }
    }

    /// <inheritdoc/>
    public void Tick()
    {
        var now = RelayTimes.Now;
        List<ReceiverConnection> overdue;
        lock (_gate)
        {
            foreach (var connection in _connections)
            {
                connection.Tick(now);
            }

            overdue = [.. _approvals.Overdue];
            overdue.ForEach(connection => _approvals.Leave(connection));
        }

        foreach (var connection in overdue)
        {
            Turn(connection, new Denial(DenialCode.TimedOut, "nobody approved it in time"));
        }

        _limits.Look(Status);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stops = true;
        _stop.Raise();
        _pause.Set();
        _acceptor.Join();
        while (true)
        {
            ReceiverConnection[] connections;
            lock (_gate)
            {
                connections = [.. _connections];
            }

            if (connections.Length == 0)
            {
                break;
            }

            foreach (var connection in connections)
            {
                connection.End("the receiver stops");
                connection.Thread!.Join();
            }
        }

        _loop.Dispose();
        _listener.Dispose();
        _clients.Dispose();
        _stop.Dispose();
        _pause.Dispose();
    }

    private static IPAddress? AddressOf(HostPort address)
    {
        return address.TryGetAddress(out var literal) && !literal.Equals(IPAddress.IPv6Any)
            ? LinkName.WithZone(literal, address.Zone)
            : null;
    }

    private ReceiverFlows NewFlows(ReceiverConnection connection) => new(
        _config.MaxFlows,
        (long)_config.IdleTimeout.TotalMilliseconds,
        connection.Link.Codec,
        source => HostText.Make(source.ToIPEndPoint(), LinkName.Of));

    private void Tell(EventKind kind, EventLevel level, string message) => _events.Add(kind, level, _config.Name, message);
}
