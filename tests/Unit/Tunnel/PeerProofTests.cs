// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Packets;
using UdpTunnel.Tests.Packets;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Tests.Tunnel;

public sealed unsafe class PeerProofTests
{
    private readonly PeerProof _proof = new(number: 42, allowance: 1000);

    [Fact]
    public void What_is_sent_is_bounded_by_the_allowance_and_three_times_what_came()
    {
        Assert.True(_proof.TrySpend(900));
        Assert.False(_proof.TrySpend(101));
        Assert.True(_proof.TrySpend(100));

        _proof.OnReceived(10);
        Assert.False(_proof.TrySpend(31));
        Assert.True(_proof.TrySpend(30));
        Assert.False(_proof.TrySpend(1));
    }

    [Fact]
    public void The_answer_to_the_echo_request_is_proof_and_one_to_another_is_not()
    {
        Assert.True(IsAnswer(Reply(42)));
        Assert.False(IsAnswer(Reply(43)));
    }

    [Theory]
    [InlineData(TestPacket.Syn, 0, 1)]
    [InlineData(TestPacket.Ack, 100, 100)]
    [InlineData(TestPacket.Ack | TestPacket.Fin, 100, 101)]
    public void The_acknowledgment_of_what_was_sent_is_proof(byte flags, int payload, int advance)
    {
        var sent = new TestPacket
        {
            SourcePort = 22,
            DestinationPort = 40_000,
            Flags = flags,
            Sequence = uint.MaxValue - 5,
            Payload = new byte[payload],
        };
        Sending(sent);

        var answer = Answer(sent, (uint)advance);
        Assert.True(IsAnswer(answer.Build()));
        Assert.False(IsAnswer((answer with { Acknowledgment = answer.Acknowledgment - 1 }).Build()));
        Assert.False(IsAnswer((answer with { Acknowledgment = answer.Acknowledgment + 1 }).Build()));
        Assert.False(IsAnswer((answer with { DestinationPort = 23 }).Build()));
        Assert.False(IsAnswer((answer with { Source = answer.Source + 1 }).Build()));
        Assert.False(IsAnswer((answer with { Flags = TestPacket.Syn }).Build()));
    }

    [Fact]
    public void What_was_not_sent_or_says_nothing_new_proves_nothing()
    {
        var sent = new TestPacket
        {
            SourcePort = 22,
            DestinationPort = 40_000,
            Sequence = 7,
        };
        Assert.False(IsAnswer(Answer(sent, 0).Build()));
        Sending(sent);
        Assert.False(IsAnswer(Answer(sent, 0).Build()));
        Sending(new TestPacket { IsUdp = true });
        Assert.False(IsAnswer(new TestPacket { IsUdp = true }.Build()));
    }

    private static TestPacket Answer(TestPacket sent, uint advance) =>
        new()
        {
            Source = sent.Destination,
            Destination = sent.Source,
            SourcePort = sent.DestinationPort,
            DestinationPort = sent.SourcePort,
            Acknowledgment = unchecked(sent.Sequence + advance),
        };

    private static byte[] Reply(ulong number)
    {
        var packet = new byte[EchoRequest.Length];
        fixed (byte* start = packet)
        {
            EchoRequest.Write(start, 1, 2, number);
        }

        packet[Ipv4Header.MinLength] = 0;
        return packet;
    }

    private void Sending(TestPacket packet)
    {
        var bytes = packet.Build();
        fixed (byte* start = bytes)
        {
            _proof.OnSending(PacketView.Parse(start, bytes.Length));
        }
    }

    private bool IsAnswer(byte[] packet)
    {
        fixed (byte* start = packet)
        {
            return _proof.IsAnswer(PacketView.Parse(start, packet.Length));
        }
    }
}
