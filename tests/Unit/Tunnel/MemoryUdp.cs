// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Linux;
using UdpTunnel.Packets;
using UdpTunnel.Tests.Packets;

namespace UdpTunnel.Tests.Tunnel;

/// <summary>A socket in memory: keeps what is sent, and gives what is put in.</summary>
internal sealed unsafe class MemoryUdp : IUdp
{
    private readonly Queue<(byte[] Message, int DatagramSize, Endpoint Source)> _arriving = [];
    private readonly List<(byte[] Datagram, Endpoint To)> _underway = [];

    /// <summary>The datagrams that were sent, in order.</summary>
    public List<byte[]> Sent { get; } = [];

    /// <summary>Where the last batch went.</summary>
    public Endpoint Peer { get; private set; }

    /// <summary>What becomes of a datagram; the default is that it leaves.</summary>
    public Func<byte[], Fate> FateOf { get; set; } = _ => Fate.Leaves;

    public int Descriptor => throw new NotSupportedException("nothing to wait for");

    public int LocalPort => 8000;

    /// <summary>The bits that batches carry now.</summary>
    public byte CongestionBits { get; private set; }

    public void SetCongestionBits(byte bits) => CongestionBits = bits;

    public Errno BindToDevice(string device) => Errno.None;

    public bool Segments => true;

    public bool Merges => true;

    public static Endpoint Address(string text) => Endpoint.From(IPEndPoint.Parse(text), dualStack: true);

    public Endpoint ToEndpoint(IPEndPoint address) => Endpoint.From(address, dualStack: true);

    /// <summary>Lets a message arrive with the next <see cref="Receive"/>.</summary>
    /// <param name="message">A datagram, or a run of them.</param>
    /// <param name="datagramSize">Bytes of each datagram of a run; 0 for one datagram.</param>
    /// <param name="source">Where it comes from.</param>
    public void Arrive(byte[] message, int datagramSize, Endpoint source) =>
        _arriving.Enqueue((message, datagramSize, source));

    public bool Receive(ReceiveBatch batch)
    {
        batch.Clear();
        while (_arriving.TryPeek(out var next) && batch.Put(next.Message, next.DatagramSize, next.Source))
        {
            _arriving.Dequeue();
        }

        return batch.Count > 0;
    }

    /// <summary>The bits of each batch that was sent, and how many datagrams were in it.</summary>
    public List<(byte Bits, int Datagrams)> Batches { get; } = [];

    /// <summary>Where each of <see cref="Sent"/> went that was sent in a batch.</summary>
    public List<Endpoint> Destinations { get; } = [];

    public SendResult Send(SendBatch batch, ReadOnlySpan<Endpoint> destinations, Span<SourceAddress> sources = default)
    {
        var result = default(SendResult);
        var datagrams = SentDatagrams.Of(batch);
        Batches.Add((CongestionBits, datagrams.Count));
        var number = 0;
        for (var index = 0; index < batch.RunCount; index++)
        {
            var run = batch.Runs[index];
            Peer = destinations[run.Destination];
            for (var i = 0; i < run.Datagrams; i++)
            {
                Send(batch, datagrams[number++], new Refusal(index, i, 1, 0, default), ref result);
            }
        }

        return result;
    }

    private void Send(SendBatch batch, byte[] datagram, Refusal refusal, ref SendResult result)
    {
        refusal = refusal with { Bytes = datagram.Length };
        switch (FateOf(datagram))
        {
            case Fate.Leaves:
                Sent.Add(datagram);
                Destinations.Add(Peer);
                _underway.Add((datagram, Peer));
                result.Sent++;
                result.SentBytes += datagram.Length;
                break;
            case Fate.IsTooBig:
                result.TooBig++;
                batch.Refuse(refusal with { Reason = DropReason.TooBig });
                break;
            case Fate.FindsNoRoom:
                result.BufferFull++;
                batch.Refuse(refusal with { Reason = DropReason.SendBufferFull });
                break;
            default:
                result.Failed++;
                batch.Refuse(refusal with { Reason = DropReason.SendFailed });
                break;
        }
    }

    public bool Send(byte* datagram, int length, in Endpoint peer, in SourceAddress source = default)
    {
        Sent.Add(new ReadOnlySpan<byte>(datagram, length).ToArray());
        _underway.Add((Sent[^1], peer));
        return true;
    }

    public bool Probe(byte* datagram, int length, in Endpoint peer, in SourceAddress source)
    {
        var isTooLong = FateOf(new ReadOnlySpan<byte>(datagram, length).ToArray()) == Fate.IsTooBig;
        return !isTooLong && Send(datagram, length, peer, source);
    }

    /// <summary>What was sent since this was asked last, in a batch or alone, and where to.</summary>
    public List<(byte[] Datagram, Endpoint To)> TakeSent()
    {
        List<(byte[], Endpoint)> taken = [.. _underway];
        _underway.Clear();
        return taken;
    }

    public void FitSendBuffer(long now)
    {
        // Nothing waits here.
    }

    /// <summary>Whether errors were asked for last.</summary>
    public bool KeepsErrors { get; private set; }

    public uint Mark { get; private set; }

    public void SetMark(uint mark) => Mark = mark;

    public void KeepErrors(bool keep) => KeepsErrors = keep;

    public bool TakeError(out Endpoint endpoint, out bool isPortUnreachable)
    {
        endpoint = default;
        isPortUnreachable = false;
        return false;
    }

    public void Dispose()
    {
        // Nothing to give back.
    }

    internal enum Fate
    {
        Leaves,
        IsTooBig,
        FindsNoRoom,
        Fails,
    }
}
