using System.Net;
using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Filter;
using UdpTunnel.Linux;
using UdpTunnel.Packets;
using UdpTunnel.State;

namespace UdpTunnel.Tunnel;

/// <summary>
/// One running tunnel: its device, socket, filter and firewall table, a thread for each direction, and for a client the look-ups of its server's
/// name. The threads touch nothing that another tunnel uses.
/// </summary>
internal sealed unsafe partial class TunnelEngine : IDisposable
{
    private static readonly TimeSpan RecreateInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ReceiveErrorPause = TimeSpan.FromMilliseconds(100);

    private readonly EventLog _events;
    private readonly TimeProvider _time;
    private readonly IWireFormat _wire;
    private readonly ITun _tun;
    private readonly IUdp _udp;
    private readonly PortFilter _filter;
    private readonly Firewall? _firewall;
    private readonly Peer _peer = new();
    private readonly PeerClaims? _claims;
    private readonly Outbound _outbound;
    private readonly Inbound _inbound;
    private readonly ServerResolver? _resolver;
    private readonly CancellationTokenSource _stop = new();
    private readonly Thread _outThread;
    private readonly Thread _inThread;
    private readonly Task _resolving;
    private readonly Lock _disposing = new();
    private volatile string _deviceProblem = "";
    private TunnelStatus? _lastStatus;

    private TunnelEngine(TunnelConfig config, Resources resources, Session? session, EventLog events, TimeProvider time)
    {
        Config = config;
        Started = time.GetUtcNow();
        _events = events;
        _time = time;
        _wire = new ClassicWireFormat(config.PacketMagic);
        _tun = resources.Tun!;
        _udp = resources.Udp!;
        _firewall = resources.Firewall;
        _filter = new PortFilter(config.AllowedPorts);
        _outbound = new Outbound(_wire, _filter, _udp, _peer, config.Mtu);
        _claims = config.IsServer ? new PeerClaims(_peer, AskPeer) : null;
        _inbound = new Inbound(_wire, _filter, _tun, _peer, _claims);
        _seen = new Seen(_udp.Segments, _inbound.Merges);
        if (session is not null)
        {
            Restore(session);
        }

        if (!config.IsServer)
        {
            _resolver = new ServerResolver(config.NetworkAddress, config.Name, events, time, LookUp, OnServerFound);
        }

        _lastOut = Environment.TickCount64;
        _outThread = new Thread(RunOut) { IsBackground = true, Name = $"{config.Name} out" };
        _inThread = new Thread(RunIn) { IsBackground = true, Name = $"{config.Name} in" };
        _outThread.Start();
        _inThread.Start();
        _resolving = _resolver?.RunAsync(_stop.Token) ?? Task.CompletedTask;
    }

    /// <summary>What it does; only ports and heartbeat change while it runs.</summary>
    public TunnelConfig Config { get; private set; }

    /// <summary>When it started.</summary>
    public DateTimeOffset Started { get; }

    /// <summary>Name of the device.</summary>
    public string Device => _tun.Name;

    /// <summary>Sets everything up and starts; when this returns the tunnel runs.</summary>
    /// <param name="config">What to do.</param>
    /// <param name="session">What a run before knew, or null.</param>
    /// <param name="events">Where to tell what happens.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="TunnelException">Something was refused; nothing is left behind.</exception>
    public static TunnelEngine Start(TunnelConfig config, Session? session, EventLog events, TimeProvider time)
    {
        var resources = new Resources();
        try
        {
            resources.Open(config);
            return new TunnelEngine(config, resources, session, events, time);
        }
        catch
        {
            resources.Dispose();
            throw;
        }
    }

    /// <summary>Changes what can be changed while packets flow: ports and heartbeat.</summary>
    /// <exception cref="TunnelException">The firewall table cannot be changed; everything is as before.</exception>
    public void Apply(TunnelConfig config)
    {
        if (!config.AllowedPorts.Equals(Config.AllowedPorts))
        {
            try
            {
                _firewall?.SetPorts(config.AllowedPorts);
            }
            catch (FirewallException e)
            {
                throw new TunnelException(Fault.FirewallRefused, e.Message);
            }

            _filter.Ports = config.AllowedPorts;
        }

        Config = config;
    }

    /// <summary>Stops: when this returns, device, socket, firewall table and threads are gone.</summary>
    public void Dispose()
    {
        lock (_disposing)
        {
            if (_lastStatus is not null)
            {
                return;
            }

            _lastStatus = CurrentStatus;
        }

        _stop.Cancel();
        try
        {
            _tun.Stop();
        }
        finally
        {
            _udp.Stop();
            _outThread.Join();
            _inThread.Join();
            _resolving.Wait();
            _tun.Dispose();
            _udp.Dispose();
            _firewall?.Dispose();
            _outbound.Dispose();
            _inbound.Dispose();
            _filter.Dispose();
            _stop.Dispose();
        }
    }

    private static Task<IPAddress[]> LookUp(string host, CancellationToken cancellationToken) =>
        Dns.GetHostAddressesAsync(host, cancellationToken);

    private void OnServerFound(IPEndPoint address)
    {
        var before = _peer.Move(_udp.ToEndpoint(address));

        // The server learns our address from the first datagram, and should not have to wait for it.
        if (before.IsNone || !before.ToIPEndPoint().Equals(address))
        {
            SendHeartbeat();
        }
    }

    private void RunOut()
    {
        using var batch = new PacketBatch(_wire.HeaderLength);
        while (!_stop.IsCancellationRequested)
        {
            if (_tun.Read(batch) > 0)
            {
                _outbound.Process(batch, (uint)(Environment.TickCount64 / 1000));
            }
            else if (!_stop.IsCancellationRequested)
            {
                RecreateDevice();
            }
        }
    }

    private void RunIn()
    {
        using var batch = new ReceiveBatch();
        while (!_stop.IsCancellationRequested)
        {
            if (!_udp.Receive(batch))
            {
                // Whatever the network says, it passes; only do not spin while it says it.
                _stop.Token.WaitHandle.WaitOne(ReceiveErrorPause);
            }
            else if (!_stop.IsCancellationRequested)
            {
                _inbound.Process(batch, Environment.TickCount64);
            }
        }
    }

    /// <summary>Somebody deleted the device. Runs on the thread that reads it, until there is one again.</summary>
    private void RecreateDevice()
    {
        _events.Add(EventKind.DeviceLost, EventLevel.Error, Config.Name, $"device {_tun.Name} is gone; making it again");
        _deviceProblem = $"device {_tun.Name} is gone";
        do
        {
            try
            {
                _tun.Recreate();
                Resources.Configure(_tun, Config);
                _deviceProblem = "";
                _events.Add(EventKind.DeviceRecreated, EventLevel.Info, Config.Name, $"device {_tun.Name} is there again");
                return;
            }
            catch (LinuxException e)
            {
                _deviceProblem = e.Message;
            }
        }
        while (!_stop.Token.WaitHandle.WaitOne(RecreateInterval));
    }
}
