// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;
using UdpTunnel.Relay.Approval;

namespace UdpTunnel.Relay;

/// <summary>
/// One running receiver, as the rest of the daemon sees it. Its work is done by one thread (<see
/// cref="ReceiverLoop"/>).
/// </summary>
/// <remarks>
/// Memory: the buffers of <see cref="ReceiveBatch"/> (64 messages), those of <see cref="Link.FrameReader"/> and
/// <see cref="Link.FrameWriter"/> for the one sender that is let in, the flow table, and about 35 KiB for each
/// connection that shakes hands or waits, of which there is a bounded number.
/// </remarks>
internal sealed class ReceiverEngine : IRelayEngine
{
    private readonly string _ownFingerprint;
    private readonly RelayLimits _limits;
    private readonly TimeProvider _time;
    private readonly DateTimeOffset _started;
    private volatile ClientSockets _clients;
    private readonly TcpListenSocket _listener;
    private readonly Admissions _admissions;
    private readonly ReceiverLoop _loop;
    private volatile RelayConfig _config;
    private volatile bool _stops;
    private long _lastHeard;

    private ReceiverEngine(
        RelayConfig config,
        ClientSockets clients,
        TcpListenSocket listener,
        RelayServices services,
        SenderKeys keys
    )
    {
        var identity = config.Protocol == RelayProtocol.Tls ? services.GetIdentity() : null;
        var events = new RelayEvents(services.Events, config.Name);
        _config = config;
        _ownFingerprint = identity?.Fingerprint.ToString() ?? "";
        _limits = new RelayLimits(services, config.Name);
        _time = services.Time;
        _started = _time.GetUtcNow();
        _clients = clients;
        _listener = listener;
        _admissions = new Admissions(config, keys, events, _time, () =>
        {
            _loop?.Wake();
            services.SendersChanged();
        });
        _loop = new ReceiverLoop(config, identity, clients, listener, _admissions, events, services.Supervised);
        try
        {
            _loop.Start();
        }
        catch
        {
            _loop.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public RelayStatus Status
    {
        get
        {
            var total = new RelayCounters();
            total.Add(_loop.Counters);
            total.CountDrop(RelayDropReason.BufferFull, _stops ? 0 : _clients.BufferDrops);
            var active = _admissions.Active;
            var heard = active?.Liveness.Heard ?? Volatile.Read(ref _lastHeard);
            Volatile.Write(ref _lastHeard, heard);
            return new RelayStatus
            {
                Config = _config,
                State =
                    _loop.Failure is not null ? RelayState.Failed
                    : active is null ? RelayState.Waiting
                    : RelayState.Running,
                Problem = _loop.Failure ?? (active is null ? _loop.Connections.Problem : ""),
                Started = _started,
                OwnFingerprint = _ownFingerprint,
                PeerAddress = active?.Remote.ToString() ?? "",
                PeerFingerprint = active?.Key?.ToString() ?? "",
                LastHeard = heard == 0 ? null : _time.GetUtcNow() - TimeSpan.FromMilliseconds(RelayTimes.Now - heard),
                Traffic = total.Traffic,
                Flows = active?.Flows?.Count ?? 0,
                FlowsOpened = total.FlowsOpened,
                Connections = _loop.Connections.Served,
                PendingSenders = _admissions.WaitingCount,
                Drops = total.Drops,
            };
        }
    }

    /// <inheritdoc/>
    public string? Failure => _loop.Failure;

    /// <inheritdoc/>
    public IReadOnlyList<FlowStatus> Flows
    {
        get
        {
            var now = RelayTimes.Now;
            return
            [
                .. (_admissions.Active?.Flows?.All ?? []).Select(f => new FlowStatus(
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

    /// <inheritdoc cref="Admissions.Senders"/>
    public IReadOnlyList<SenderStatus> Senders => _admissions.Senders;

    /// <summary>Starts a receiver; when this returns it listens.</summary>
    /// <exception cref="RequestException">
    /// A port is taken, the key cannot be made, or the system has no descriptor or thread for it.
    /// </exception>
    public static ReceiverEngine Start(RelayConfig config, RelayServices services, SenderKeys keys)
    {
        ClientSockets? clients = null;
        TcpListenSocket? listener = null;
        try
        {
            clients = ClientSockets.Open(config.UdpAddress);
            listener = Listen(config.TcpAddress);
            return new ReceiverEngine(config, clients, listener, services, keys);
        }
        catch (Exception e)
        {
            // A stored relay is tried again and again: nothing may be left behind.
            listener?.Dispose();
            clients?.Close();
            throw e switch
            {
                IOException => new RequestException(Fault.System, e.Message),
                OutOfMemoryException or ThreadStartException => new RequestException(
                    Fault.System,
                    "the system has no memory or thread for it"
                ),
                _ => e,
            };
        }
    }

    /// <inheritdoc cref="Admissions.Approve"/>
    public SenderStatus Approve(SenderStatus sender, bool once) => _admissions.Approve(sender, once);

    /// <inheritdoc cref="Admissions.Deny(SenderStatus)"/>
    public SenderStatus Deny(SenderStatus sender) => _admissions.Deny(sender);

    /// <inheritdoc cref="Admissions.Revoke"/>
    public SenderStatus Revoke(SenderStatus sender) => _admissions.Revoke(sender);

    /// <inheritdoc/>
    public void Apply(RelayConfig config)
    {
        var clients = _clients;
        if (!config.UdpAddress.Equals(_config.UdpAddress))
        {
            try
            {
                clients = ClientSockets.Open(config.UdpAddress, clients);
            }
            catch (IOException e)
            {
                throw new RequestException(Fault.System, e.Message);
            }
        }

        _config = config;
        _clients = clients;
        _loop.Apply(config, clients);
    }

    /// <inheritdoc/>
    public void Tick()
    {
        _admissions.DenyOverdue();
        _limits.Look(Status);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stops = true;
        _loop.Dispose();
        _listener.Dispose();
    }

    private static TcpListenSocket Listen(HostPort at)
    {
        var address = ClientSockets.AddressOf(at);
        try
        {
            return TcpListenSocket.Listen(address, at.Port);
        }
        catch (LinuxException e) when (e.Errno == Errno.AddressInUse)
        {
            throw PortInUse.Refusal(e, isTcp: true, address, at.Port);
        }
    }
}
