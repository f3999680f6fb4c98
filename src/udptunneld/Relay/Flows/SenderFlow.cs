using System.Text;

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

    /// <inheritdoc/>
    public override string Client => Config.Excerpt.Bare(Encoding.UTF8.GetString(Host.AsSpan(0, Math.Min(Host.Length, MaxShown))));
}
