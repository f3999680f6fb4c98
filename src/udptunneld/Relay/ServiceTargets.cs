using System.Net;
using UdpTunnel.Config;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay;

/// <summary>
/// Where a sender's services are: looks their names up, again and again, and finds the one that belongs to a port of
/// the receiver. Any thread.
/// </summary>
internal sealed class ServiceTargets : IDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly Target[] _targets;
    private readonly Task[] _resolving;

    /// <param name="services">The services.</param>
    /// <param name="relay">Name of the relay, for events.</param>
    /// <param name="shared">What all relays share.</param>
    /// <param name="before">
    /// Those of before a change, whose addresses are good until others are found; null for none.
    /// </param>
    public ServiceTargets(UdpServiceList services, string relay, RelayServices shared, ServiceTargets? before = null)
    {
        Offer = ServiceOffer.Of(services);
        _targets = [.. services.Select(s => new Target(s, relay, shared, before?.AddressOf(s.Address.Host)))];
        _resolving = [.. _targets.Select(t => t.Resolver.RunAsync(_stopping.Token))];
    }

    /// <summary>The receiver's ports that belong to them.</summary>
    public ServiceOffer Offer { get; }

    /// <summary>Look-ups of names.</summary>
    public long LookUps => _targets.Sum(t => t.Resolver.LookUps);

    /// <summary>Those that failed.</summary>
    public long LookUpFailures => _targets.Sum(t => t.Resolver.Failures);

    /// <summary>Finds the service of a port of the receiver.</summary>
    /// <param name="port">The port; 0 if it is not known.</param>
    /// <param name="address">Where the service is; null while that is not known.</param>
    /// <returns>False if no service belongs to the port.</returns>
    public bool TryFind(int port, out IPEndPoint? address)
    {
        foreach (var target in _targets)
        {
            var index = port - target.Service.ReceiverPort;
            if (Offer.IsSole || (index >= 0 && index < target.Service.Count))
            {
                address = target.Address is { } found
                    ? new IPEndPoint(found, target.Service.Address.Port + (Offer.IsSole ? 0 : index))
                    : null;
                return true;
            }
        }

        address = null;
        return false;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stopping.Cancel();
        Task.WhenAll(_resolving).ContinueWith(_ => _stopping.Dispose(), TaskScheduler.Default);
    }

    private IPAddress? AddressOf(string host) => _targets.FirstOrDefault(t => t.Service.Address.Host == host)?.Address;

    private sealed class Target
    {
        private volatile IPAddress? _address;

        public Target(UdpService service, string relay, RelayServices shared, IPAddress? address)
        {
            Service = service;
            _address = address;
            Resolver = new ServerResolver(
                service.Address,
                relay,
                shared.Events,
                shared.Time,
                (host, stop) => Dns.GetHostAddressesAsync(host, stop),
                LinkName.WithZone,
                found => _address = found.Address);
        }

        public UdpService Service { get; }

        public ServerResolver Resolver { get; }

        public IPAddress? Address => _address;
    }
}
