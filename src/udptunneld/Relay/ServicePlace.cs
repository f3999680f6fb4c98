// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using UdpTunnel.Config;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;

namespace UdpTunnel.Relay;

/// <summary>
/// Where a sender's service is, and how it fares there. The name may have several addresses, and others later. One
/// thread carries datagrams and reports what becomes of them, one looks names up, any reads.
/// </summary>
/// <remarks>
/// An address that refuses (nobody listens, no route) gives way to the next one of the name. While requests go out and
/// nothing comes back, <see cref="IsTroubled"/> asks for a new look-up.
/// </remarks>
/// <param name="service">Host and port.</param>
internal sealed class ServicePlace(HostPort service)
{
    /// <summary>
    /// A flow that was answered within this time keeps the address that answered, in milliseconds: so a name that names
    /// another host of several at each look-up breaks no conversation.
    /// </summary>
    public const long Loyalty = 2_000;

    // In milliseconds. A service that is restarted refuses for a moment.
    private const long FallbackPause = 300;
    private const long Patience = 1_000;
    private const long Recent = 3_000;

    private readonly Lock _gate = new();
    private readonly NameAddresses _addresses = new();
    private Place? _current;
    private string? _news;
    private long _switched = -FallbackPause;

    // Written by the thread that carries datagrams.
    private long _lastRequest;
    private long _lastAnswer;
    private long _unansweredSince;
    private long _lastErrorAt;
    private int _lastError;
    private Place? _failed;
    private long _lastForeignAt;
    private Foreign? _foreign;

    /// <summary>Its host and port, as they are configured.</summary>
    public HostPort Service => service;

    /// <summary>Where it is now; null while nobody knows.</summary>
    public Place? Current => Volatile.Read(ref _current);

    /// <summary>
    /// The name has these addresses now: the service stays where it is if that is among them, else it moves to the
    /// first.
    /// </summary>
    /// <returns>Where it is from now on; null, and nothing changes, if there are none.</returns>
    public IPAddress? Choose(IPAddress[] addresses)
    {
        lock (_gate)
        {
            var chosen = _addresses.Take(addresses);
            if (chosen is not null)
            {
                MoveTo(chosen);
            }

            return chosen;
        }
    }

    /// <summary>The service is there from now on.</summary>
    public void MoveTo(IPAddress address)
    {
        lock (_gate)
        {
            _addresses.Use(address);
            if (_current is null || !_current.Address.Address.Equals(address))
            {
                Volatile.Write(ref _current, new Place(new IPEndPoint(address, service.Port)));
            }
        }
    }

    /// <summary>A request goes out. The thread that carries datagrams.</summary>
    public void OnRequest(long now)
    {
        _lastRequest = now;
        if (_unansweredSince == 0)
        {
            _unansweredSince = now;
        }
    }

    /// <summary>An answer has come. The thread that carries datagrams.</summary>
    public void OnAnswer(long now)
    {
        _lastAnswer = now;
        _unansweredSince = 0;
    }

    /// <summary>A datagram that came from elsewhere was dropped. The thread that carries datagrams.</summary>
    public void OnForeign(in Endpoint source, in Endpoint asked, long now)
    {
        // Only now and then, for it allocates.
        if (now - _lastForeignAt >= Recent || _foreign is null)
        {
            Volatile.Write(ref _foreign, new Foreign(source, source.HasAddressOf(asked)));
        }

        _lastForeignAt = now;
    }

    /// <summary>The network refused a datagram. The thread that carries datagrams.</summary>
    /// <param name="place">Where it was sent.</param>
    /// <param name="error">Why.</param>
    /// <param name="now">Milliseconds.</param>
    public void OnError(Place place, Errno error, long now)
    {
        Volatile.Write(ref _lastError, (int)error);
        Volatile.Write(ref _failed, place);
        _lastErrorAt = now;
        if (place == Current && now - _switched >= FallbackPause)
        {
            FallBack(place, error, now);
        }
    }

    /// <summary>Whether another look-up may help: requests go out, and errors or nothing comes back.</summary>
    public bool IsTroubled(long now)
    {
        var unanswered = Volatile.Read(ref _unansweredSince);
        return now - Volatile.Read(ref _lastRequest) < Recent
            && unanswered != 0
            && (
                now - Volatile.Read(ref _lastErrorAt) < Recent
                || (Volatile.Read(ref _lastAnswer) != 0 && now - unanswered >= Patience)
            );
    }

    /// <summary>What is wrong with the service at this moment, for a person; empty for nothing.</summary>
    public string ServiceProblem(long now) => Refusal(now) is { Length: > 0 } refusal ? refusal : ForeignAnswers(now);

    private string Refusal(long now)
    {
        if (
            Volatile.Read(ref _failed) is { } failed
            && Volatile.Read(ref _lastErrorAt) is var at
            && at > Volatile.Read(ref _lastAnswer)
            && now - at < 60_000
        )
        {
            return Describe(failed.Address, (Errno)Volatile.Read(ref _lastError));
        }

        return "";
    }

    private string ForeignAnswers(long now)
    {
        var foreign = Volatile.Read(ref _foreign);
        if (foreign is null || now - Volatile.Read(ref _lastForeignAt) >= 60_000)
        {
            return "";
        }

        return foreign.IsPortOnly
            ? $"answers come from another port than was asked ({foreign.Source}) and are dropped: "
                + "AnswersFrom \"any-port\" lets them through"
            : $"answers come from another address than was asked ({foreign.Source}) and are dropped: "
                + "AnswersFrom \"any\" lets them through";
    }

    /// <summary>What has changed by itself since this was last asked, for a person; null for nothing.</summary>
    public string? TakeNews()
    {
        lock (_gate)
        {
            var news = _news;
            _news = null;
            return news;
        }
    }

    private static string Describe(IPEndPoint address, Errno error) =>
        error switch
        {
            Errno.ConnectionRefused => $"nobody listens at {address} (connection refused)",
            Errno.HostUnreachable => $"{address} cannot be reached (no route to host)",
            Errno.NetworkUnreachable => $"{address} cannot be reached (network is unreachable)",
            Errno.NetworkDown => $"{address} cannot be reached (network is down)",
            Errno.NotPermitted => $"a firewall of this host forbids sending to {address} (operation not permitted)",
            _ => $"sending to {address} fails ({LinuxException.TextOf(error)})",
        };

    private void FallBack(Place place, Errno error, long now)
    {
        lock (_gate)
        {
            if (_current != place || _addresses.Leave(place.Address.Address) is not { } next)
            {
                return;
            }

            _switched = now;
            var address = new IPEndPoint(next, service.Port);
            _news = $"{service.Host}: {Describe(place.Address, error)}; it is tried at {address} from now on";
            Volatile.Write(ref _current, new Place(address));
        }
    }

    /// <summary>One place of the service: a flow compares which one it knows.</summary>
    internal sealed class Place(IPEndPoint address)
    {
        private readonly Endpoint _endpoint = Endpoint.From(address, ServiceSocket.IsDualStack);

        /// <summary>For people.</summary>
        public IPEndPoint Address { get; } = address;

        /// <summary>For sockets.</summary>
        public ref readonly Endpoint Endpoint => ref _endpoint;

        /// <summary>Whether it is many hosts, none of which answers from there.</summary>
        public bool IsGroup { get; } =
            address.Address.IsIPv6Multicast
            || (
                address.AddressFamily == AddressFamily.InterNetwork
                && address.Address.GetAddressBytes()[0] is >= 224 and < 240
            )
            || ServiceSocket.IsBroadcast(Endpoint.From(address, ServiceSocket.IsDualStack));
    }

    private sealed class Foreign(in Endpoint source, bool isPortOnly)
    {
        public string Source { get; } = source.ToString();

        public bool IsPortOnly { get; } = isPortOnly;
    }
}
