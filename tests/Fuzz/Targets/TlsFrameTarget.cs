// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Tests.Fuzz.Targets;

/// <summary>
/// The frames of the tls relay: read the same whole and in pieces, each written again as the bytes it was; a hello and
/// a denial say something for a person whatever is in them, and nothing that would drive a terminal.
/// </summary>
internal sealed class TlsFrameTarget : IFuzzTarget
{
    private readonly FrameStream _stream = new(1 << 17);

    /// <inheritdoc/>
    public string Name => "tls-frames";

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Words { get; } =
    [
        .. Enum.GetValues<FrameType>().Select(type => (byte[])[(byte)type, 0, 0, 0, 0, 0, 0, 0]),
        [0, 2, 0, 0, 0, 0],
        [0xFF, 0xE3],
        [0, 0, 0, 1],
        [0xFF, 0xFF, 0xFF, 0xFF],
        [1, 1],
        [1, 2],
        [0x1B, (byte)'['],
        [2, 0],
    ];

    /// <inheritdoc/>
    public IEnumerable<byte[]> Seeds(Random random)
    {
        var codec = new TlsCodec();
        var output = new byte[1000];
        foreach (var type in Enum.GetValues<FrameType>())
        {
            foreach (
                var payload in (byte[][])
                    [
                        [],
                        [1, 2],
                        [3, .. "because"u8],
                    ]
            )
            {
                yield return
                [
                    9,
                    .. output[
                        ..codec.WriteControl(
                            output,
                            type,
                            type is FrameType.Datagram or FrameType.FlowClosed ? 7u : 0,
                            payload
                        )
                    ],
                ];
            }
        }

        var offer = new ServiceOffer(false, [new PortRange(53), new PortRange(27015, 27030)]);
        yield return [9, .. output[..codec.WriteControl(output, FrameType.Services, 0, offer.Write())]];
        foreach (var isV4 in (bool[])[true, false])
        {
            var opening = new FlowOpening(53, 40112, isV4 ? 0xC000_0207 : UInt128.One, 0, isV4);
            var payload = new byte[FlowOpening.MaxLength];
            var length = opening.Write(payload);
            length = codec.WriteControl(output, FrameType.FlowOpened, 7, payload.AsSpan(0, length));
            yield return [9, .. output[..length]];
        }

        var hello = Hello.OfSender(2, new Introduction(offer, 5, "host", "relay"));
        yield return [9, .. output[..codec.WriteControl(output, FrameType.Hello, 0, hello)]];
    }

    /// <inheritdoc/>
    public void Try(ReadOnlySpan<byte> input)
    {
        if (input.Length < 2 || input.Length > 1 << 17)
        {
            return;
        }

        var stream = input[1..];
        var whole = _stream.Read(new TlsCodec(), stream, stream.Length, out var frames);
        var pieces = _stream.Read(new TlsCodec(), stream, input[0] + 1, out var sameFrames);
        Assert.Equal(whole, pieces);
        Assert.Equal(frames, sameFrames);

        var codec = new TlsCodec();
        var at = 0;
        foreach (var frame in frames)
        {
            var payload = Convert.FromHexString(frame.Payload);
            var output = new byte[TlsCodec.HeaderLength + payload.Length];
            var length = codec.WriteControl(output, frame.Type, frame.Flow, payload);
            Assert.True(stream.Slice(at, length).SequenceEqual(output));
            at += length;
            if (frame.Type == FrameType.Denied)
            {
                Assert.DoesNotContain(Denial.Read(payload).Text, char.IsControl);
            }
            else if (frame.Type == FrameType.Hello)
            {
                Assert.NotEqual("", Hello.Problem(payload, fromReceiver: true, version: 1));
                Introduces(payload);
            }
            else if (frame.Type == FrameType.Services)
            {
                ReadOnlySpan<byte> rest = payload;
                if (ServiceOffer.Read(ref rest) is { } offer)
                {
                    Assert.True(payload.AsSpan().StartsWith(offer.Write()));
                    Assert.All(offer.Ports, r => Assert.True(offer.Contains(r.First) && offer.Contains(r.Last)));
                }
            }
            else if (frame.Type == FrameType.FlowOpened && FlowOpening.TryRead(payload, out var opening))
            {
                Opens(opening, payload);
            }
        }
    }

    private static void Introduces(byte[] payload)
    {
        if (Hello.ReadIntroduction(payload, version: 2) is not { } words)
        {
            return;
        }

        Assert.DoesNotContain(words.Host + words.Name, char.IsControl);
        var written = words.Write();
        Assert.InRange(written.Length, 1, TlsCodec.MaxControl - 3);
        var again = Introduction.Read(written)!;
        Assert.Equal((words.Instance, words.Offer.IsSole), (again.Instance, again.Offer.IsSole));
        Assert.Equal(words.Offer.Ports, again.Offer.Ports);
    }

    private static void Opens(in FlowOpening opening, byte[] payload)
    {
        var written = new byte[FlowOpening.MaxLength];
        Assert.Equal(payload, written[..opening.Write(written)]);
        var header = ProxyHeader.Of(opening);
        Assert.Equal(opening.IsV4 ? 28 : ProxyHeader.MaxLength, header.Length);
        Assert.NotEmpty(opening.ToClient().ToString());
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();
}
