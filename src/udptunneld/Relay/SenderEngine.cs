using System.Net;
using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;
using UdpTunnel.Relay.Link;

namespace UdpTunnel.Relay;

/// <summary>
/// One running sender, with one thread: it connects, again and again (SenderEngine.Connecting.cs), and carries datagrams in both directions
/// (<see cref="ServiceLoop"/>).
/// </summary>
/// <remarks>
/// Memory: the buffers of <see cref="ReceiveBatch"/> (64 messages), of <see cref="FrameReader"/> and of <see cref="FrameWriter"/>, and the flow table with a
/// socket for each flow, whose kernel buffers have the system's default size.
/// </remarks>
internal sealed partial class SenderEngine : IRelayEngine
{
    private readonly RelayConfig _config;
    private readonly Identity? _identity;
    private readonly ReceiverKeys _keys;
    private readonly EventLog _events;
    private readonly RelayLimits _limits;
    private readonly TimeProvider _time;
    private readonly DateTimeOffset _started;
    private readonly WakeSignal _stop = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly ManualResetEventSlim _retry = new();
    private readonly Dialer _dialer;
    private readonly ServerResolver _resolver;
    private readonly Task _resolving;
    private readonly Thread _thread;
    private readonly RelayCounters _past = new();

    // Protects the connection and what is told about it.
    private readonly Lock _gate = new();
    private SenderConnection? _connection;
    private RelayState _state = RelayState.Connecting;
    private string _problem = "";
    private KeyFingerprint? _peerKey;
    private string _peerAddress = "";
    private long _lastHeard;
    private long _connections;
    private volatile IPEndPoint? _service;

    private SenderEngine(RelayConfig config, RelayServices services, ReceiverKeys keys, Identity? identity)
    {
        _config = config;
        _identity = identity;
        _keys = keys;
        _events = services.Events;
        _limits = new RelayLimits(services, config);
        _time = services.Time;
        _started = _time.GetUtcNow();
        _dialer = new Dialer(config.TcpAddress, _stop, _stopping.Token);
        _resolver = new ServerResolver(
            config.UdpAddress,
            config.Name,
            _events,
            _time,
            (host, stop) => Dns.GetHostAddressesAsync(host, stop),
            LinkName.WithZone,
            address => _service = address);
        _resolving = _resolver.RunAsync(_stopping.Token);
        _thread = new Thread(Run) { IsBackground = true, Name = $"{config.Name} receiver" };
        _thread.Start();
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
                if (_connection is not null)
                {
                    total.Add(_connection.Counters);
                }

                var heard = _connection is { IsGreeted: true } current ? current.Liveness.Heard : _lastHeard;
                return new RelayStatus
                {
                    Config = _config,
                    State = _state,
                    Problem = _problem,
                    Started = _started,
                    OwnFingerprint = _identity?.Fingerprint.ToString() ?? "",
                    PeerAddress = _peerAddress,
                    PeerFingerprint = _peerKey?.ToString() ?? "",
                    LastHeard = heard == 0 ? null : _time.GetUtcNow() - TimeSpan.FromMilliseconds(RelayTimes.Now - heard),
                    Traffic = total.Traffic,
                    Flows = _connection?.Flows.Count ?? 0,
                    FlowsOpened = total.FlowsOpened,
                    Connections = _connections,
                    LookUps = _dialer.LookUps + _resolver.LookUps,
                    LookUpFailures = _dialer.Failures + _resolver.Failures,
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
            SenderConnection? connection;
            lock (_gate)
            {
                connection = _connection;
            }

            var now = RelayTimes.Now;
            return
            [
                .. (connection?.Flows.All ?? []).Select(f => new FlowStatus(
                    f.Client,
                    _config.Protocol == RelayProtocol.Tls ? f.Id : 0,
                    TimeSpan.FromMilliseconds(now - f.Opened),
                    TimeSpan.FromMilliseconds(Math.Max(0, now - f.LastUsed)),
                    f.Traffic)),
            ];
        }
    }

    /// <summary>Starts a sender; when this returns it tries to connect.</summary>
    /// <exception cref="RequestException">The key cannot be made.</exception>
    public static SenderEngine Start(RelayConfig config, RelayServices services, ReceiverKeys keys)
    {
        var identity = config.Protocol == RelayProtocol.Tls ? services.GetIdentity() : null;
        try
        {
            return new SenderEngine(config, services, keys, identity);
        }
        catch (LinuxException e)
        {
            throw new RequestException(Fault.System, e.Message);
        }
    }

    /// <summary>Remembers another key for the receiver, and tries again at once.</summary>
    /// <exception cref="RequestException">There is no key to remember, the configuration pins one, or it cannot be stored.</exception>
    public void AcceptKey(KeyFingerprint key)
    {
        if (_config.Protocol != RelayProtocol.Tls)
        {
            throw new RequestException(Fault.InvalidRequest, "the classic protocol has no keys");
        }

        if (_config.ReceiverKey is { } pinned && pinned != key)
        {
            throw new RequestException(
                Fault.InvalidRequest, $"the configuration of {_config.Name} has ReceiverKey {pinned}: start it again with the other key");
        }

        _keys.Remember(key);
        Tell(EventKind.ReceiverKeyChanged, EventLevel.Info, $"the receiver's key is {key} from now on");
        _retry.Set();
    }

    /// <inheritdoc/>
    public void Tick()
    {
        lock (_gate)
        {
            _connection?.Tick(RelayTimes.Now);
        }

        _limits.Look(Status);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stopping.Cancel();
        _stop.Raise();
        _retry.Set();
        lock (_gate)
        {
            _connection?.End("the sender stops");
        }

        _thread.Join();
        _resolving.Wait();
        _stop.Dispose();
        _stopping.Dispose();
        _retry.Dispose();
    }

    private void Tell(EventKind kind, EventLevel level, string message) => _events.Add(kind, level, _config.Name, message);
}
