// SPDX-License-Identifier: BSD-3-Clause

using System.Net.Sockets;
using UdpTunnel.Linux;
using UdpTunnel.Relay;
using UdpTunnel.Relay.Link;
using UdpTunnel.Relay.Wire;
using UdpTunnel.Tests.Packets;

namespace UdpTunnel.Tests.Relay;

public sealed class LinkTests
{
    [Fact]
    public void Pending_bytes_are_a_queue_that_never_grows() => Randomised.Check(200, random =>
        {
            var pending = new PendingBytes(1000);
            var model = new Queue<byte>();
            for (var i = 0; i < 300; i++)
            {
                var bytes = random.Bytes(random.Next(0, 400));
                if (model.Count + bytes.Length > 1000)
                {
                    Assert.False(pending.TryAppend(bytes));
                }
                else
                {
                    Assert.True(pending.TryAppend(bytes));
                    Array.ForEach(bytes, model.Enqueue);
                }

                var taken = random.Next(0, model.Count + 1);
                Assert.Equal(model.Take(taken), pending.Bytes[..taken].ToArray());
                pending.Remove(taken);
                for (; taken > 0; taken--)
                {
                    model.Dequeue();
                }

                Assert.Equal(model.Count, pending.Count);
            }
        });

    [Fact]
    public void A_stranger_s_frame_takes_no_more_than_a_small_buffer()
    {
        using var pair = new TcpPair();
        using var reader = ReaderOf(pair, new TlsCodec());
        pair.Peer.Send([4, 0, 0xFF, 0, 0, 0, 0, 1, .. new byte[65_280]]);

        var came = Fill(reader);
        for (; came > 0; came = Fill(reader))
        {
            Assert.Equal(FrameStatus.Incomplete, reader.Next(out _));
        }

        Assert.Equal(0, came);
        Assert.True(reader.IsOverfull);
    }

    [Fact]
    public async Task A_trusted_peer_s_longest_frame_fits_and_what_follows_it_too()
    {
        var codec = new TlsCodec();
        var bytes = new byte[2 * codec.MaxFrame];
        var half = codec.WriteDatagram(bytes, 1, [], new byte[IRelayCodec.MaxDatagram]);
        codec.WriteDatagram(bytes.AsSpan(half), 2, [], new byte[IRelayCodec.MaxDatagram]);
        using var pair = new TcpPair();
        using var reader = ReaderOf(pair, codec);
        var sending = Task.Run(
            () =>
            {
                pair.Peer.Send(bytes);
                pair.Peer.Shutdown(SocketShutdown.Send);
            },
            TestContext.Current.CancellationToken
        );
        var flows = new List<uint>();
        while (Fill(reader) > 0)
        {
            reader.TrustPeer();
            while (reader.Next(out var frame) == FrameStatus.Complete)
            {
                Assert.Equal(IRelayCodec.MaxDatagram, frame.Length);
                flows.Add(frame.FlowId);
            }
        }

        await sending;
        Assert.Equal([1u, 2u], flows);
        Assert.False(reader.IsOverfull);
    }

    [Fact]
    public void Waits_double_up_to_10_seconds_and_begin_anew_after_a_success()
    {
        var backoff = new Backoff(() => 1);
        Assert.Equal([0.5, 1, 2, 4, 8, 10, 10, 10], Enumerable.Range(0, 8).Select(_ => backoff.Next().TotalSeconds));
        backoff.Reset();
        Assert.Equal(0.5, backoff.Next().TotalSeconds);
    }

    [Fact]
    public void Waits_are_spread_between_half_and_all()
    {
        Assert.Equal(0.25, new Backoff(() => 0).Next().TotalSeconds);
        Assert.Equal(0.375, new Backoff(() => 0.5).Next().TotalSeconds);
    }

    [Fact]
    public void A_silent_peer_is_asked_twice_and_dead_within_15_seconds()
    {
        var liveness = new Liveness(0);
        var asked = Enumerable.Range(0, 15).Where(s => liveness.ShouldAsk(s * 1000)).ToList();
        Assert.Equal([5, 10], asked.Take(2));
        Assert.False(liveness.IsDead(11_999));
        Assert.True(liveness.IsDead(12_000));
        liveness.OnHeard(12_000);
        Assert.False(liveness.IsDead(12_001));
        Assert.False(liveness.ShouldAsk(16_999));
        Assert.True(liveness.ShouldAsk(17_000));
    }

    [Fact]
    public void A_peer_that_takes_bytes_slowly_is_alive_and_one_that_takes_only_questions_is_not()
    {
        var slow = new Liveness(0);
        var hung = new Liveness(0);
        for (var second = 1; second < 100; second++)
        {
            slow.Look((ulong)second * 64_000, second * 1000);
            hung.Look(second % 5 == 0 ? 0 : 1_000UL, second * 1000);
            Assert.False(slow.IsDead(second * 1000));
            Assert.Equal(second >= 12, hung.IsDead(second * 1000));
        }

        // It stops.
        for (var second = 100; second < 120; second++)
        {
            slow.Look(99 * 64_000, second * 1000);
            Assert.Equal(second >= 99 + 12, slow.IsDead(second * 1000));
        }
    }

    [Theory]
    [InlineData(new byte[] { 1, 1 }, true, null)]
    [InlineData(new byte[] { 1, 2 }, false, null)]
    [InlineData(new byte[] { 1, 1, 99 }, true, null)]
    [InlineData(new byte[] { 1, 2 }, true, "role")]
    [InlineData(new byte[] { 1, 0 }, false, "role")]
    [InlineData(new byte[] { 2, 1 }, true, "version 2")]
    [InlineData(new byte[] { }, true, "version 0")]
    public void A_hello_names_version_and_role(byte[] payload, bool fromReceiver, string? problem)
    {
        var found = Hello.Problem(payload, fromReceiver, version: 1);
        Assert.Equal(problem is null, found is null);
        Assert.Contains(problem ?? "", found ?? "", StringComparison.Ordinal);
    }

    [Fact]
    public void A_hello_says_which_frames_its_side_knows()
    {
        Assert.True(Hello.Knows(Hello.OfSender(1, Introduction.None), FrameType.Waiting));
        Assert.False(Hello.Knows([1, 2], FrameType.Waiting));
        Assert.True(Hello.Knows([1, 2], FrameType.Pong));
        Assert.False(Hello.Knows([1, 2, 7], FrameType.Waiting));
        Assert.True(Hello.Knows([1, 2, 9, 0], FrameType.Waiting));
    }

    [Fact]
    public void A_denial_s_text_cannot_move_the_terminal_of_who_reads_it()
    {
        var denial = Denial.Read([2, .. "\u001b[2Jno\n"u8]);
        Assert.Equal(DenialCode.Revoked, denial.Code);
        Assert.True(denial.IsFinal);
        Assert.Equal("\\u001b[2Jno\\u000a", denial.Text);
        Assert.InRange(Denial.Read([1, .. new byte[511]]).Text.Length, 1, 2500);
        Assert.Equal(TlsCodec.MaxControl, new Denial(DenialCode.Busy, new string('x', 5000)).Write().Length);
    }

    [Fact]
    public void Random_denials_and_hellos_are_read_without_throwing() => Randomised.Check(500, random =>
        {
            var bytes = random.Bytes(random.Next(0, 512));
            Assert.NotNull(Denial.Read(bytes));
            _ = Hello.Problem(bytes, random.Chance(50), random.Next(1, 3));
            _ = Hello.ReadIntroduction(bytes, random.Next(1, 3));
        });

    private static FrameReader ReaderOf(TcpPair pair, TlsCodec codec) =>
        new(new LinkStream(pair.Own, context: null, isReceiver: true), codec, new LockStep());

    private static int Fill(FrameReader reader)
    {
        int came;
        while ((came = reader.Fill()) == TcpSocket.Nothing)
        {
            Thread.Yield();
        }

        return came;
    }
}
