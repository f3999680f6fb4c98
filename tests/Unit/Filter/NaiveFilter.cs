using UdpTunnel.Packets;

namespace UdpTunnel.Tests.Filter;

/// <summary>
/// The port filter as the design's table says it, sentence by sentence, with dictionaries that never forget. The model
/// that the real one is compared with.
/// </summary>
internal sealed class NaiveFilter
{
    private readonly Dictionary<string, uint> _flows = [];
    private readonly Dictionary<string, uint> _passedFirstFragments = [];

    public HashSet<int> Ports { get; set; } = [];

    public int CountFlows(Direction direction, uint now) =>
        _flows.Count(flow => flow.Key.StartsWith($"{direction} ", StringComparison.Ordinal) && now - flow.Value < 300);

    public DropReason Check(Direction direction, byte[] packet, uint now)
    {
        if (packet.Length == 0 || packet[0] / 16 != 4)
        {
            return DropReason.NotIpv4;
        }

        int header = packet[0] % 16 * 4;
        if (packet.Length < 20 || header < 20 || header > packet.Length || Number(packet, 2) != packet.Length)
        {
            return DropReason.Malformed;
        }

        int protocol = packet[9];
        if (protocol != 1 && protocol != 6 && protocol != 17)
        {
            return DropReason.Protocol;
        }

        byte[] rest = packet[header..];
        int offset = Number(packet, 6) % 0x2000 * 8;
        bool more = (Number(packet, 6) & 0x2000) != 0;
        if (offset == 0 && !more)
        {
            return CheckTransport(direction, packet, rest, whole: true, now);
        }

        bool impossible = offset + packet.Length > 65_535 || (more && rest.Length % 8 != 0);
        string datagram = $"{direction} {Address(packet, 12)} {Address(packet, 16)} {protocol} {Number(packet, 4)}";
        if (offset > 0)
        {
            return impossible || (offset == 8 && protocol == 6) ? DropReason.Malformed
                : _passedFirstFragments.TryGetValue(datagram, out uint passed) && now - passed < 30 ? DropReason.None
                : DropReason.Fragment;
        }

        DropReason verdict = impossible
            ? DropReason.Malformed
            : CheckTransport(direction, packet, rest, whole: false, now);
        _passedFirstFragments.Remove(datagram);
        if (verdict == DropReason.None)
        {
            _passedFirstFragments[datagram] = now;
        }

        return verdict;
    }

    private DropReason CheckTransport(Direction direction, byte[] packet, byte[] transport, bool whole, uint now)
    {
        int protocol = packet[9];
        if (protocol == 1)
        {
            return transport.Length < 8 ? DropReason.Malformed
                : new[] { 0, 8, 3, 4, 5, 11, 12 }.Contains(transport[0]) ? DropReason.None
                : DropReason.IcmpType;
        }

        if (protocol == 6 && (transport.Length < 20 || transport[12] / 16 < 5
            || transport[12] / 16 * 4 > transport.Length))
        {
            return DropReason.Malformed;
        }

        if (protocol == 17 && (transport.Length < 8 || Number(transport, 4) < 8
            || (whole && Number(transport, 4) > transport.Length)))
        {
            return DropReason.Malformed;
        }

        int source = Number(transport, 0);
        int destination = Number(transport, 2);
        string from = $"{Address(packet, 12)}:{source}";
        string to = $"{Address(packet, 16)}:{destination}";
        if (Ports.Contains(source) && Ports.Contains(destination))
        {
            return DropReason.None;
        }

        if (Ports.Contains(destination))
        {
            _flows[$"{direction} {protocol} {from} {to}"] = now;
            return DropReason.None;
        }

        if (Ports.Contains(source))
        {
            Direction other = direction == Direction.Out ? Direction.In : Direction.Out;
            return _flows.TryGetValue($"{other} {protocol} {to} {from}", out uint used) && now - used < 300
                ? DropReason.None
                : DropReason.NoFlow;
        }

        return DropReason.Port;
    }

    private static int Number(byte[] bytes, int at) => (bytes[at] * 256) + bytes[at + 1];

    private static string Address(byte[] packet, int at) => string.Join('.', packet[at..(at + 4)]);
}
