using UdpTunnel.Linux;

namespace UdpTunnel.Relay.Flows;

/// <summary>One client of a receiver.</summary>
internal sealed class ReceiverFlow(uint id, in Endpoint endpoint, byte[] host, byte[] label, long now) : RelayFlow(id, label, now)
{
    private readonly Endpoint _endpoint = endpoint;
    private ulong _localFirst;
    private ulong _localSecond;
    private int _answered;

    /// <summary>Where the client is.</summary>
    public ref readonly Endpoint Endpoint => ref _endpoint;

    /// <summary>
    /// The address of this host that the client asked last; none where the kernel needs no help. The receiving thread writes it. A reader may see half of
    /// another IPv6 address while it changes, which the kernel refuses as it does any that is not the host's.
    /// </summary>
    public SourceAddress Local
    {
        get => new(Volatile.Read(ref _localFirst), Volatile.Read(ref _localSecond));
        set
        {
            Volatile.Write(ref _localFirst, value.First);
            Volatile.Write(ref _localSecond, value.Second);
        }
    }

    /// <summary>The client's name in the classic protocol; empty in the other.</summary>
    public byte[] Host { get; } = host;

    /// <inheritdoc/>
    public override string Client => _endpoint.ToString();

    /// <summary>Whether the service ever answered. Then the source is no spoofed one whose owner knows nothing of it.</summary>
    public bool IsAnswered => Volatile.Read(ref _answered) != 0;

    /// <summary>Whether it still stands in the list of those without an answer. Used by the receiving thread alone.</summary>
    public LinkedListNode<ReceiverFlow>? Unanswered { get; set; }

    /// <summary>Its chain in the batch that is being sent. Used by the sending thread alone.</summary>
    public BatchChain Chain;

    /// <summary>The service answered.</summary>
    public void MarkAnswered()
    {
        if (_answered == 0)
        {
            Volatile.Write(ref _answered, 1);
        }
    }
}
