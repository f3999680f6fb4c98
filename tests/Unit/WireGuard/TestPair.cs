// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.WireGuard;

namespace UdpTunnel.Tests.WireGuard;

/// <summary>
/// Two ends that know each other, a network between them that does what a test says, and time that a test moves.
/// </summary>
internal sealed class TestPair : IDisposable
{
    public const string LeftInner = "10.0.0.1";
    public const string RightInner = "10.0.0.2";

    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <param name="rates">Of the right end.</param>
    /// <param name="seed">For both.</param>
    /// <param name="leftRates">Of the left end.</param>
    public TestPair(HandshakeRates? rates = null, int seed = 1, HandshakeRates? leftRates = null)
    {
        Left = new TestEnd("192.0.2.1:1001", seed, rates: leftRates);
        Right = new TestEnd("192.0.2.2:1002", seed + 1, rates: rates);
        LeftPeer = Left.Add(Right.Key, Right.Address, "10.0.0.2/32", "fd00::2/128");
        RightPeer = Right.Add(Left.Key, Left.Address, "10.0.0.1/32", "fd00::1/128");
        Advance(0);
    }

    public TestEnd Left { get; private set; }

    public TestEnd Right { get; private set; }

    /// <summary>The right end, as the left one sees it.</summary>
    public Peer LeftPeer { get; private set; }

    /// <summary>The left end, as the right one sees it.</summary>
    public Peer RightPeer { get; private set; }

    /// <summary>Monotonic milliseconds of both.</summary>
    public long Now { get; private set; } = 1_000_000;

    /// <summary>How far the wall clock of an end is off.</summary>
    public TimeSpan LeftWallError { get; set; }

    public TimeSpan RightWallError { get; set; }

    /// <summary>What does not arrive.</summary>
    public Predicate<TestDatagram> IsLost { get; set; } = _ => false;

    /// <summary>All that was sent.</summary>
    public List<TestDatagram> Recorded { get; } = [];

    /// <summary>Packets that came out, by end.</summary>
    public List<byte[]> AtLeft { get; } = [];

    public List<byte[]> AtRight { get; } = [];

    public static byte[] ToRight(long number = 0, int length = 64) =>
        InnerPacket.Make(LeftInner, RightInner, number, length);

    public static byte[] ToLeft(long number = 0, int length = 64) =>
        InnerPacket.Make(RightInner, LeftInner, number, length);

    /// <summary>Carries what both have sent, and what they answer, until nothing is left.</summary>
    public void Deliver()
    {
        while (Left.Outbox.Count + Right.Outbox.Count > 0)
        {
            Carry(Left, Right, AtRight);
            Carry(Right, Left, AtLeft);
        }
    }

    /// <summary>Takes what an end has sent, without delivering it.</summary>
    public List<TestDatagram> Take(TestEnd from)
    {
        List<TestDatagram> taken = [.. from.Outbox];
        Recorded.AddRange(taken);
        from.Outbox.Clear();
        return taken;
    }

    /// <summary>Lets time go by, with all that falls due in it.</summary>
    public void Advance(long milliseconds)
    {
        var end = Now + milliseconds;
        while (Now <= end)
        {
            Deliver();
            var due = Math.Min(Left.Engine.NextDue, Right.Engine.NextDue);
            if (due > end)
            {
                break;
            }

            Now = Math.Max(Now, due);
            TellTime();
            Deliver();
        }

        Now = end;
        TellTime();
        Deliver();
    }

    /// <summary>Lets time go by in one step, as a suspended host sees it.</summary>
    public void Jump(long milliseconds)
    {
        Now += milliseconds;
        TellTime();
    }

    public void TellTime()
    {
        Left.Engine.Advance(Now, Tai64n.From(WallTime + LeftWallError));
        Right.Engine.Advance(Now, Tai64n.From(WallTime + RightWallError));
    }

    /// <summary>Brings up a session that the left end began, and that both have used.</summary>
    public void Connect()
    {
        Left.Send(LeftPeer, ToRight());
        Deliver();
        Right.Send(RightPeer, ToLeft());
        Deliver();
        Assert.NotNull(RightPeer.Current);
        Assert.NotNull(LeftPeer.Current);
    }

    /// <summary>Starts an end anew: its key and what is kept over a restart stay.</summary>
    public void RestartLeft(bool keepsTimestamps = true)
    {
        var (before, timestamps) = (Left, keepsTimestamps ? LeftPeer.Timestamps : default);
        Left = new TestEnd("192.0.2.1:1001", (int)Now, before.PrivateKey);
        LeftPeer = Add(Left, Right, timestamps, "10.0.0.2/32", "fd00::2/128");
        before.Dispose();
        TellTime();
    }

    public void RestartRight(bool keepsTimestamps = true)
    {
        var (before, timestamps) = (Right, keepsTimestamps ? RightPeer.Timestamps : default);
        Right = new TestEnd("192.0.2.2:1002", (int)Now + 1, before.PrivateKey);
        RightPeer = Add(Right, Left, timestamps, "10.0.0.1/32", "fd00::1/128");
        before.Dispose();
        TellTime();
    }

    public void Dispose()
    {
        Left.Dispose();
        Right.Dispose();
    }

    private DateTimeOffset WallTime => Start + TimeSpan.FromMilliseconds(Now);

    private static Peer Add(TestEnd end, TestEnd other, PeerTimestamps timestamps, params string[] allowedIps)
    {
        Assert.Equal(PeerRefusal.None, end.Engine.AddPeer(other.Key, timestamps, out var peer));
        peer!.SetEndpoint(other.Address);
        end.Engine.SetAllowedIps(peer!, [.. allowedIps.Select(TestEnd.Prefix)]);
        return peer!;
    }

    private void Carry(TestEnd from, TestEnd to, List<byte[]> arrived)
    {
        while (from.Outbox.TryDequeue(out var datagram))
        {
            Recorded.Add(datagram);
            if (
                !IsLost(datagram)
                && datagram.To.Equals(to.Address)
                && to.Receive(datagram) is { Kind: ReceivedKind.Packet } received
            )
            {
                arrived.Add(received.Packet);
            }
        }
    }
}
