namespace UdpTunnel.Relay.Flows;

/// <summary>
/// One client at one relay. What is counted is written by the one thread that carries datagrams and read by anybody.
/// </summary>
/// <param name="id">Number on the wire: slot and generation.</param>
/// <param name="label">What the codec puts in front of each datagram.</param>
/// <param name="now">Milliseconds.</param>
internal abstract class RelayFlow(uint id, byte[] label, long now)
{
    private long _lastUsed = now;
    private long _packetsToService;
    private long _bytesToService;
    private long _packetsToClient;
    private long _bytesToClient;

    /// <summary>Number on the wire.</summary>
    public uint Id { get; } = id;

    /// <summary>The place in the table.</summary>
    public ushort Slot => FlowId.SlotOf(Id);

    /// <summary>What the codec puts in front of each datagram.</summary>
    public byte[] Label { get; } = label;

    /// <summary>When it began, in milliseconds.</summary>
    public long Opened { get; } = now;

    /// <summary>When it last carried a datagram, in milliseconds.</summary>
    public long LastUsed => Volatile.Read(ref _lastUsed);

    /// <summary>The client, if it is known.</summary>
    public abstract string Client { get; }

    /// <summary>The receiver's port that the client sends to; 0 if it is not known.</summary>
    public abstract int Port { get; }

    /// <summary>Counters of both directions.</summary>
    public RelayTraffic Traffic => new(
        Volatile.Read(ref _packetsToService),
        Volatile.Read(ref _bytesToService),
        Volatile.Read(ref _packetsToClient),
        Volatile.Read(ref _bytesToClient));

    /// <summary>Counts a datagram to the service.</summary>
    public void CountToService(int bytes, long now)
    {
        _packetsToService++;
        _bytesToService += bytes;
        _lastUsed = now;
    }

    /// <summary>Counts a datagram to the client.</summary>
    public void CountToClient(int bytes, long now)
    {
        _packetsToClient++;
        _bytesToClient += bytes;
        _lastUsed = now;
    }
}
