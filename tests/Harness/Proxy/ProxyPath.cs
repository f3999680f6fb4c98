// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Harness.Proxy;

/// <summary>One direction of a proxy, with a thread of its own.</summary>
internal sealed class ProxyPath
{
    // A datagram that is held back to be overtaken goes on alone if none comes.
    private const int HoldMicroseconds = 2000;

    private readonly Socket _from;
    private readonly Socket _to;
    private readonly Func<Impairment> _impairment;
    private readonly SocketAddress _source;
    private readonly Func<SocketAddress?> _target;
    private readonly Action<SocketAddress> _heard;
    private readonly byte[] _buffer = new byte[65536];
    private readonly byte[] _held = new byte[65536];
    private readonly Thread _thread;
    private RandomContent _chance;
    private int _heldLength;
    private PathCounts _counts;

    /// <param name="from">Where datagrams come from.</param>
    /// <param name="to">Where they leave.</param>
    /// <param name="target">Where they go; null if that is not known yet.</param>
    /// <param name="heard">Is told who sent each one.</param>
    /// <param name="impairment">What happens to them at the moment.</param>
    /// <param name="seed">Of chance.</param>
    public ProxyPath(
        Socket from,
        Socket to,
        Func<SocketAddress?> target,
        Action<SocketAddress> heard,
        Func<Impairment> impairment,
        ulong seed
    )
    {
        _from = from;
        _to = to;
        _target = target;
        _heard = heard;
        _impairment = impairment;
        _chance = new RandomContent(seed);
        _source = new SocketAddress(from.AddressFamily);
        _thread = new Thread(Run) { IsBackground = true };
        _thread.Start();
    }

    /// <summary>What it did. Exact when nothing is under way.</summary>
    public PathCounts Counts => _counts;

    /// <summary>Waits for the end, which the closing of its sockets brings about.</summary>
    public void Join() => _thread.Join();

    private void Run()
    {
        try
        {
            while (true)
            {
                if (_heldLength > 0 && !_from.Poll(HoldMicroseconds, SelectMode.SelectRead))
                {
                    Release();
                    continue;
                }

                var length = _from.ReceiveFrom(_buffer, SocketFlags.None, _source);
                _heard(_source);
                Pass(_buffer.AsSpan(0, length));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Closed.
        }
    }

    private void Pass(Span<byte> datagram)
    {
        _counts = _counts with { Received = _counts.Received + 1 };
        var impairment = _impairment();
        var chance = Draw();
        if ((chance -= impairment.Dropped) < 0)
        {
            _counts = _counts with { Dropped = _counts.Dropped + 1 };
            return;
        }

        if ((chance -= impairment.Flipped) < 0)
        {
            _counts = _counts with { Flipped = _counts.Flipped + 1 };
            var bit = (int)(Draw() * datagram.Length * 8);
            datagram[bit / 8] ^= (byte)(1 << (bit % 8));
        }
        else if ((chance -= impairment.Doubled) < 0)
        {
            _counts = _counts with { Doubled = _counts.Doubled + 1 };
            Send(datagram);
        }
        else if ((chance -= impairment.Swapped) < 0 && _heldLength == 0)
        {
            _counts = _counts with { Swapped = _counts.Swapped + 1 };
            datagram.CopyTo(_held);
            _heldLength = datagram.Length;
            return;
        }

        Send(datagram);
        Release();
    }

    private void Release()
    {
        if (_heldLength > 0)
        {
            Send(_held.AsSpan(0, _heldLength));
            _heldLength = 0;
        }
    }

    private void Send(ReadOnlySpan<byte> datagram)
    {
        if (_target() is { } target)
        {
            _to.SendTo(datagram, SocketFlags.None, target);
        }
    }

    /// <summary>A number from 0 up to, but not including, 1.</summary>
    private double Draw()
    {
        Span<byte> bytes = stackalloc byte[8];
        _chance.Fill(bytes);
        return (BitConverter.ToUInt64(bytes) >> 11) * (1.0 / (1ul << 53));
    }
}
