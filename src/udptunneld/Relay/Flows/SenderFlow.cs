using System.Net;
using System.Text;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay.Flows;

/// <summary>One client at a sender, with a socket of its own.</summary>
internal sealed class SenderFlow(uint id, int descriptor, byte[] host, byte[] label, long now) : RelayFlow(id, label, now)
{
    private const int MaxShown = 64;

    /// <summary>Its chain in the batch that is being sent.</summary>
    public BatchChain Chain;

    /// <summary>Answers that the kernel dropped, as far as they were counted.</summary>
    public uint BufferDrops;

    /// <summary>The socket.</summary>
    public int Descriptor { get; } = descriptor;

    /// <summary>The client's name; empty where flows have numbers.</summary>
    public byte[] Host { get; } = host;

    /// <summary>What the receiver told of it; null where the protocol tells nothing.</summary>
    public FlowOpening? Origin { get; init; }

    /// <summary>Where its datagrams go to.</summary>
    public IPEndPoint? Target { get; init; }

    /// <summary>The header that tells the service who the client is; null for none.</summary>
    public byte[]? ProxyHeader { get; init; }

    /// <summary>Whether the header stands in front of every datagram.</summary>
    public bool IntroducesEach { get; init; }

    /// <summary>Whether a datagram with the header was sent.</summary>
    public bool IsIntroduced { get; set; }

    /// <summary>The receiver's port; 0 if it is not known.</summary>
    public override int Port => Origin?.Port ?? 0;

    /// <inheritdoc/>
    public override string Client => Origin is { } origin ? origin.ToClient().ToString() : HostText;

    private string HostText =>
        Config.Excerpt.Bare(Encoding.UTF8.GetString(Host.AsSpan(0, Math.Min(Host.Length, MaxShown))));
}
