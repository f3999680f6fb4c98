// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Relay.Link;

namespace UdpTunnel.Relay.Flows;

/// <summary>
/// One client at one relay. What is counted is written by the one thread that carries datagrams and read by anybody.
/// </summary>
/// <param name="id">Number on the wire: slot and generation.</param>
/// <param name="label">What the codec puts in front of each datagram.</param>
/// <param name="now">Milliseconds.</param>
internal abstract class RelayFlow(uint id, byte[] label, long now) : QueuedFlow(id, label)
{
    private long _lastUsed = now;
    private long _packetsToService;
    private long _bytesToService;
    private long _packetsToClient;
    private long _bytesToClient;

    /// <summary>Its places in the lists of <see cref="FlowRanks"/>.</summary>
    public FlowLinks Links;

    /// <summary>The place in the table.</summary>
    public ushort Slot => FlowId.SlotOf(Id);

    /// <summary>When it began, in milliseconds.</summary>
    public long Opened { get; } = now;

    /// <summary>When a datagram of it last came, in milliseconds.</summary>
    public long LastUsed => Volatile.Read(ref _lastUsed);

    /// <summary>How far it has come.</summary>
    public FlowStanding Standing { get; set; }

    /// <summary>When it was last moved in the lists of <see cref="FlowRanks"/>, in milliseconds.</summary>
    public long Ranked { get; set; }

    /// <summary>Whose it is; null where nobody counts that.</summary>
    public FlowSource? Source { get; set; }

    /// <summary>Of which network that is.</summary>
    public FlowSource? Network { get; set; }

    /// <summary>The client, if it is known.</summary>
    public abstract string Client { get; }

    /// <summary>The receiver's port that the client sends to; 0 if it is not known.</summary>
    public abstract int Port { get; }

    /// <summary>Counters of both directions.</summary>
    public RelayTraffic Traffic =>
        new(
            Volatile.Read(ref _packetsToService),
            Volatile.Read(ref _bytesToService),
            Volatile.Read(ref _packetsToClient),
            Volatile.Read(ref _bytesToClient)
        );

    /// <summary>A datagram has come, from either side.</summary>
    public void Touch(long now) => Volatile.Write(ref _lastUsed, now);

    /// <summary>Counts a datagram to the service.</summary>
    public void CountToService(int bytes)
    {
        _packetsToService++;
        _bytesToService += bytes;
    }

    /// <summary>Counts a datagram to the client.</summary>
    public void CountToClient(int bytes)
    {
        _packetsToClient++;
        _bytesToClient += bytes;
    }
}
