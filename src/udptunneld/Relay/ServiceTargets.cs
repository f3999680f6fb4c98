// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Config;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay;

/// <summary>
/// The services of a sender: looks their names up, again and again, and finds the one that belongs to a port of the
/// receiver. Each has a place of its own, for one port of a host may be served and its neighbour not. Any thread.
/// </summary>
internal sealed class ServiceTargets : IDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly Target[] _targets;
    private readonly Task[] _resolving;
    private readonly bool _isAlone;
    private readonly long _lookUpsBefore;
    private readonly long _failuresBefore;

    /// <param name="services">The services.</param>
    /// <param name="relay">Name of the relay, for events.</param>
    /// <param name="shared">What all relays share.</param>
    /// <param name="before">
    /// Those of before a change: a service that stays keeps its place, and an address of a host
    /// is good until others are found. Null for none.
    /// </param>
    public ServiceTargets(UdpServiceList services, string relay, RelayServices shared, ServiceTargets? before = null)
    {
        Offer = ServiceOffer.Of(services);
        _isAlone = services.PortCount == 1;
        _lookUpsBefore = before?.LookUps ?? 0;
        _failuresBefore = before?.LookUpFailures ?? 0;
        _targets = [.. services.Select(s => new Target(s, relay, shared, before))];
        _resolving = [.. _targets.Select(t => t.Resolver.RunAsync(_stopping.Token))];
    }

    /// <summary>The receiver's ports that belong to them.</summary>
    public ServiceOffer Offer { get; }

    /// <summary>Look-ups of names, those of before a change included.</summary>
    public long LookUps => _lookUpsBefore + _targets.Sum(t => t.Resolver.LookUps);

    /// <summary>Those that failed.</summary>
    public long LookUpFailures => _failuresBefore + _targets.Sum(t => t.Resolver.Failures);

    private IEnumerable<ServicePlace> Places => _targets.SelectMany(t => t.Places);

    /// <summary>Finds the service of a port of the receiver.</summary>
    /// <param name="port">The port; 0 if it is not known.</param>
    /// <returns>Null if no service belongs to the port.</returns>
    public ServicePlace? Find(int port)
    {
        if (Offer.IsSole)
        {
            return _targets[0].Places[0];
        }

        foreach (var target in _targets)
        {
            var index = port - target.Service.ReceiverPort;
            if (index >= 0 && index < target.Places.Length)
            {
                return target.Places[index];
            }
        }

        return null;
    }

    /// <summary>
    /// What is wrong at this moment with the first service that has a problem, for a person, with its name where there
    /// are several; empty if none has.
    /// </summary>
    public string ServiceProblem(long now)
    {
        foreach (var place in Places)
        {
            if (place.ServiceProblem(now) is { Length: > 0 } problem)
            {
                return _isAlone ? problem : $"{place.Service}: {problem}";
            }
        }

        return "";
    }

    /// <summary>Looks names up sooner where that may help.</summary>
    public void Hurry(long now)
    {
        foreach (var target in _targets)
        {
            if (target.Places.Any(p => p.IsTroubled(now)))
            {
                target.Resolver.Hurry();
            }
        }
    }

    /// <summary>What has changed by itself since this was last asked, for a person.</summary>
    public IReadOnlyList<string> TakeNews() => [.. Places.Select(p => p.TakeNews()).OfType<string>()];

    /// <inheritdoc/>
    public void Dispose()
    {
        _stopping.Cancel();
        Task.WhenAll(_resolving).ContinueWith(_ => _stopping.Dispose(), TaskScheduler.Default);
    }

    /// <summary>The place of a service that stays, or of a new one.</summary>
    private ServicePlace PlaceOf(HostPort service)
    {
        if (Places.FirstOrDefault(p => p.Service == service) is { } same)
        {
            return same;
        }

        var place = new ServicePlace(service);
        if (Places.FirstOrDefault(p => p.Service.Host == service.Host)?.Current is { } neighbour)
        {
            place.MoveTo(neighbour.Address.Address);
        }

        return place;
    }

    /// <summary>One entry of the configuration: a host, and one or more of its ports.</summary>
    private sealed class Target
    {
        public Target(UdpService service, string relay, RelayServices shared, ServiceTargets? before)
        {
            Service = service;
            Places =
            [
                .. Enumerable
                    .Range(service.Address.Port, service.Count)
                    .Select(service.Address.WithPort)
                    .Select(s => before?.PlaceOf(s) ?? new ServicePlace(s)),
            ];
            var isName = !service.Address.TryGetAddress(out _);
            Resolver = new ServerResolver(
                service.Address,
                relay,
                shared.Events,
                shared.Time,
                (host, stop) => Dns.GetHostAddressesAsync(host, stop),
                LinkName.WithZone,
                found =>
                {
                    // Of a name each place has chosen for itself.
                    if (!isName)
                    {
                        MoveTo(found.Address);
                    }
                },
                Choose
            );
        }

        public UdpService Service { get; }

        public ServerResolver Resolver { get; }

        /// <summary>One for each port.</summary>
        public ServicePlace[] Places { get; }

        private IPAddress? Choose(IPAddress[] addresses)
        {
            var chosen = Places.Select(p => p.Choose(addresses)).ToArray();
            return chosen[0];
        }

        private void MoveTo(IPAddress address)
        {
            foreach (var place in Places)
            {
                place.MoveTo(address);
            }
        }
    }
}
