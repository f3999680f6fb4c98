// SPDX-License-Identifier: BSD-3-Clause

using System.Net.Sockets;
using System.Security.Cryptography;
using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;
using UdpTunnel.Relay.Link;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay;

/// <summary>
/// One running sender, with one thread: it connects, again and again, and runs each connection to its end
/// (<see cref="SenderSession"/>).
/// </summary>
/// <remarks>
/// Memory: the buffers of <see cref="ReceiveBatch"/> (64 messages), of <see cref="FrameReader"/> and of
/// <see cref="FrameWriter"/>, and the flow table with a socket for each flow, whose kernel buffers have the system's
/// default size.
/// </remarks>
internal sealed class SenderEngine : IRelayEngine
{
    // A person has to do something first; the receiver shall not be pestered meanwhile.
    private static readonly TimeSpan RefusedPause = TimeSpan.FromSeconds(60);

    private readonly Identity? _identity;
    private readonly KnownReceiver _known;
    private readonly RelayEvents _events;
    private readonly SenderReport _report;
    private readonly Backoff _backoff = new(Random.Shared.NextDouble);
    private readonly RelayLimits _limits;
    private readonly TimeProvider _time;
    private readonly DateTimeOffset _started;
    private readonly WakeSignal _stop = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly ManualResetEventSlim _retry = new();
    private readonly Dialer _dialer;
    private readonly RelayServices _shared;
    private readonly ulong _instance = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));
    private readonly Thread _thread;
    private readonly RelayCounters _past = new();

    // Protects the connection, and what it is configured by.
    private readonly Lock _gate = new();
    private SenderConnection? _connection;
    private ServiceTargets _targets;
    private volatile RelayConfig _config;
    private volatile string? _failure;
    private string _toldOfService = "";
    private object _addresses;

    private SenderEngine(RelayConfig config, RelayServices services, ReceiverKeys keys, Identity? identity)
    {
        _config = config;
        _identity = identity;
        _events = new RelayEvents(services.Events, config.Name);
        _known = new KnownReceiver(config.Name, keys, _events);
        _report = new SenderReport(config.Protocol, _events);
        _limits = new RelayLimits(services, config.Name);
        _time = services.Time;
        _started = _time.GetUtcNow();
        _dialer = new Dialer(config.TcpAddress, _stop, _stopping.Token);
        _shared = services;
        _addresses = services.Addresses.Version;
        _targets = new ServiceTargets(config.UdpAddress, config.Name, services);
        try
        {
            _thread = services.Supervised.Start($"{config.Name} sender", Run, OnFailed);
        }
        catch
        {
            Release();
            throw;
        }
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

                var standing = _report.Current;
                var heard = _connection is { IsGreeted: true } current ? current.Liveness.Heard : standing.LastHeard;
                return new RelayStatus
                {
                    Config = _config,
                    State = _failure is null ? standing.State : RelayState.Failed,
                    Problem = _failure ?? standing.Problem,
                    Started = _started,
                    OwnFingerprint = _identity?.Fingerprint.ToString() ?? "",
                    PeerAddress = standing.PeerAddress,
                    PeerFingerprint = standing.PeerKey?.ToString() ?? "",
                    LastHeard =
                        heard == 0 ? null : _time.GetUtcNow() - TimeSpan.FromMilliseconds(RelayTimes.Now - heard),
                    Traffic = total.Traffic,
                    Flows = _connection?.Flows.Count ?? 0,
                    FlowsOpened = total.FlowsOpened,
                    Connections = standing.Connections,
                    ServiceProblem = _targets.ServiceProblem(RelayTimes.Now),
                    LookUps = _dialer.LookUps + _targets.LookUps,
                    LookUpFailures = _dialer.Failures + _targets.LookUpFailures,
                    Drops = total.Drops,
                };
            }
        }
    }

    /// <inheritdoc/>
    public string? Failure => _failure;

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
                    f.Traffic,
                    f.Port
                )),
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
        catch (Exception e) when (e is IOException or OutOfMemoryException or ThreadStartException)
        {
            var problem = e is IOException ? e.Message : "the system has no memory or thread for it";
            throw new RequestException(Fault.System, problem);
        }
    }

    /// <summary>Remembers another key for the receiver, and tries again at once.</summary>
    /// <exception cref="RequestException">
    /// There is no key to remember, the configuration pins one, or it cannot be stored.
    /// </exception>
    public void AcceptKey(KeyFingerprint key)
    {
        if (_config.Protocol != RelayProtocol.Tls)
        {
            throw new RequestException(Fault.InvalidRequest, "the classic protocol has no keys");
        }

        _known.Accept(key, _config.ReceiverKey);
        _retry.Set();
    }

    /// <inheritdoc/>
    public void Apply(RelayConfig config)
    {
        lock (_gate)
        {
            if (!config.UdpAddress.Equals(_config.UdpAddress))
            {
                var before = _targets;
                _targets = new ServiceTargets(config.UdpAddress, config.Name, _shared, before);
                before.Dispose();
            }

            _config = config;
            if (_connection is { } connection)
            {
                Configure(connection);
                if (config.ReceiverKey is { } pinned && _report.Current.PeerKey is { } peer && pinned != peer)
                {
                    connection.End("its key is no longer the one that the configuration has");
                }
            }
        }

        // With another key, or another service, the receiver may be the right one now.
        _retry.Set();
    }

    /// <inheritdoc/>
    public void Tick()
    {
        var now = RelayTimes.Now;
        _shared.Addresses.Refresh(now);
        lock (_gate)
        {
            _connection?.Tick(now, _shared.Addresses);
        }

        if (!ReferenceEquals(_addresses, _shared.Addresses.Version))
        {
            _addresses = _shared.Addresses.Version;
            bool isAway;
            lock (_gate)
            {
                isAway = _connection is null;
            }

            if (isAway && _report.Current.State != RelayState.Refused)
            {
                // In another network the receiver may be reached at once.
                _retry.Set();
            }
        }

        _limits.Look(Status);
        LookAfterServices();
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
        Release();
    }

    /// <summary>Looks services up sooner where that may help, and tells how they fare.</summary>
    private void LookAfterServices()
    {
        ServiceTargets targets;
        lock (_gate)
        {
            targets = _targets;
        }

        var now = RelayTimes.Now;
        targets.Hurry(now);
        foreach (var news in targets.TakeNews())
        {
            _events.Raise(EventKind.DnsChanged, EventLevel.Warning, news);
        }

        var problem = targets.ServiceProblem(now);
        if (problem != _toldOfService)
        {
            _toldOfService = problem;
            if (problem.Length > 0)
            {
                _events.Raise(
                    EventKind.SendingFailed,
                    EventLevel.Warning,
                    problem,
                    new EventFacts { Problem = problem }
                );
            }
        }
    }

    private void Release()
    {
        _stopping.Cancel();
        _targets.Dispose();
        _stop.Dispose();
        _stopping.Dispose();
        _retry.Dispose();
    }

    /// <summary>Under the gate.</summary>
    private void Configure(SenderConnection connection)
    {
        connection.Flows.Most = _config.MaxFlows;
        connection.IdleTimeout = IdleTimeout;
        connection.Targets = _targets;
        connection.Proxy = _config.ProxyProtocol;
        connection.AnswersFrom = _config.AnswersFrom;
    }

    private bool Stops => _stopping.IsCancellationRequested;

    // The receiver ends flows first where both have the same timeout, so that it does not use one that was just ended
    // here.
    private long IdleTimeout =>
        (long)_config.IdleTimeout.TotalMilliseconds + (_config.Protocol == RelayProtocol.Tls ? 1000 : 0);

    /// <summary>The thread has ended by an error that nobody expected: the host tries the relay again.</summary>
    private void OnFailed(Exception e) => _failure = $"this end failed: {e.GetType().Name}: {e.Message}";

    private void Run()
    {
        while (!Stops)
        {
            _retry.Reset();
            var attempt = Try();
            if (Stops)
            {
                return;
            }

            if (attempt.WasAdmitted)
            {
                _backoff.Reset();
            }

            var wait = attempt.IsRefused ? RefusedPause : _backoff.Next();
            _report.OnEnded(attempt);
            _retry.Wait(wait);
        }
    }

    private Attempt Try()
    {
        TcpSocket socket;
        try
        {
            socket = _dialer.Connect();
        }
        catch (LinuxException e)
        {
            return new Attempt(e.Message, false, false);
        }
        catch (Exception e) when (e is SocketException or TimeoutException or OperationCanceledException)
        {
            return new Attempt($"cannot resolve {_config.TcpAddress.Host}: {e.Message}", false, false);
        }

        SenderConnection connection;
        try
        {
            IRelayCodec codec = _identity is null ? new ClassicCodec() : new TlsCodec();
            connection = new SenderConnection(socket, codec, _identity?.Context, _config.MaxFlows, _targets);
        }
        catch (OutOfMemoryException e)
        {
            socket.Dispose();
            return new Attempt(e.Message, false, false);
        }

        _report.OnConnected(socket);
        lock (_gate)
        {
            Configure(connection);
            _connection = connection;
        }

        // Dispose may have looked for the connection before it was there.
        if (Stops)
        {
            connection.End("the sender stops");
        }

        var session = new SenderSession(
            connection,
            Introduce,
            CheckKey,
            state => _report.OnMoved(connection, state),
            _report.OnWaiting,
            OnAccepted
        );
        var attempt = session.Run();
        lock (_gate)
        {
            _connection = null;
            _past.Add(connection.Counters);
        }

        connection.Dispose();
        return attempt;
    }

    private Introduction Introduce()
    {
        lock (_gate)
        {
            return new Introduction(_targets.Offer, _instance, Environment.MachineName, _config.Name);
        }
    }

    private void OnAccepted(ServiceOffer accepted)
    {
        ServiceOffer offer;
        lock (_gate)
        {
            offer = _targets.Offer;
        }

        _report.OnAccepted(offer, accepted);
    }

    private Attempt? CheckKey(KeyFingerprint key)
    {
        // Before the configuration is read: whoever changes it afterwards compares the key himself.
        _report.OnKey(key);
        var refusal = _known.Check(key, _config.ReceiverKey);
        if (refusal is { IsRefused: true })
        {
            _report.OnOtherKey(refusal.Problem);
        }

        return refusal;
    }
}
