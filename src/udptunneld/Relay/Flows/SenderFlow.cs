using System.Text;

namespace UdpTunnel.Relay.Flows;

/// <summary>
/// One client at a sender, with a socket of its own. The thread that sends to the service enters it, the thread that receives from the service
/// ends it and alone closes the socket, so that no descriptor is used after it was closed and became another's.
/// </summary>
internal sealed class SenderFlow(uint id, int descriptor, byte[] host, byte[] label, long now) : RelayFlow(id, label, now)
{
    private const int Open = 0;
    private const int InUse = 1;
    private const int Ended = 2;

    private const int MaxShown = 64;

    private int _state;

    /// <summary>Its chain in the batch that is being sent. Used by the sending thread alone.</summary>
    public BatchChain Chain;

    /// <summary>Answers that the kernel dropped, as far as they were counted. Used by the receiving thread alone.</summary>
    public uint BufferDrops;

    /// <summary>The socket.</summary>
    public int Descriptor { get; } = descriptor;

    /// <summary>The client's name; empty where flows have numbers.</summary>
    public byte[] Host { get; } = host;

    /// <inheritdoc/>
    public override string Client => Config.Excerpt.Bare(Encoding.UTF8.GetString(Host.AsSpan(0, Math.Min(Host.Length, MaxShown))));

    /// <summary>Takes it for sending.</summary>
    /// <returns>False if it has ended.</returns>
    public bool TryEnter() => Interlocked.CompareExchange(ref _state, InUse, Open) == Open;

    /// <summary>Gives it back.</summary>
    public void Leave() => Volatile.Write(ref _state, Open);

    /// <summary>Ends it; nobody sends on it from now on.</summary>
    /// <returns>False if it is in use or has ended.</returns>
    public bool TryEnd() => Interlocked.CompareExchange(ref _state, Ended, Open) == Open;
}
