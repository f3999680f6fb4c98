// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using UdpTunnel.Linux;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay.Flows;

/// <summary>One client at a sender, with a socket of its own.</summary>
internal sealed class SenderFlow(
    uint id,
    int descriptor,
    ServicePlace service,
    ServicePlace.Place place,
    byte[] host,
    byte[] label,
    long now
) : RelayFlow(id, label, now)
{
    private const int MaxShown = 64;

    /// <summary>Its chain in the batch that is being sent.</summary>
    public BatchChain Chain;

    /// <summary>Answers that the kernel dropped, as far as they were counted.</summary>
    public uint BufferDrops;

    /// <summary>Where its datagrams go: to the service, or to where an answer came from.</summary>
    public Endpoint Peer = place.Endpoint;

    /// <summary>The socket.</summary>
    public int Descriptor { get; } = descriptor;

    /// <summary>The service that its client asks.</summary>
    public ServicePlace Service { get; } = service;

    /// <summary>Where the service is, as far as this flow knows.</summary>
    public ServicePlace.Place Place { get; private set; } = place;

    /// <summary>When the service last answered, in milliseconds.</summary>
    public long LastAnswer { get; set; } = long.MinValue / 2;

    /// <summary>The client's name; empty where flows have numbers.</summary>
    public byte[] Host { get; } = host;

    /// <summary>What the receiver told of it; null where the protocol tells nothing.</summary>
    public FlowOpening? Origin { get; init; }

    /// <summary>The header that tells the service who the client is; null for none.</summary>
    public byte[]? ProxyHeader { get; init; }

    /// <summary>Whether the header stands in front of every datagram.</summary>
    public bool IntroducesEach { get; init; }

    /// <summary>Whether a datagram with the header was sent to whom the service is now.</summary>
    public bool IsIntroduced { get; set; }

    /// <summary>The receiver's port; 0 if it is not known.</summary>
    public override int Port => Origin?.Port ?? 0;

    /// <inheritdoc/>
    public override string Client => Origin is { } origin ? origin.ToClient().ToString() : HostText;

    private string HostText =>
        Config.Excerpt.Bare(Encoding.UTF8.GetString(Host.AsSpan(0, Math.Min(Host.Length, MaxShown))));

    /// <summary>Sends to another place, or to the service again. Another host does not know the client yet.</summary>
    public void Direct(ServicePlace.Place place)
    {
        IsIntroduced &= place.Endpoint.Equals(Place.Endpoint);
        Place = place;
        Peer = place.Endpoint;
    }

    /// <inheritdoc/>
    public override void OnSent(int bytes) => CountToClient(bytes);
}
