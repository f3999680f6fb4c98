// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Packets;

namespace UdpTunnel.Tests.Filter;

/// <summary>
/// The port filter as the design's table says it, sentence by sentence, with dictionaries that never forget. The model
/// that the real one is compared with.
/// </summary>
internal sealed class NaiveFilter
{
    private readonly Dictionary<string, Flow> _flows = [];
    private readonly Dictionary<string, uint> _passedFirstFragments = [];

    public HashSet<int> Ports { get; set; } = [];

    public bool CarriesV6 { get; init; }

    public int CountFlows(Direction direction, uint now) =>
        _flows.Count(flow => flow.Key.StartsWith($"{direction} ", StringComparison.Ordinal) && flow.Value.IsAlive(now));

    public DropReason Check(Direction direction, byte[] packet, uint now)
    {
        if (CarriesV6 && packet.Length > 0 && packet[0] / 16 == 6)
        {
            return CheckV6(direction, packet, now);
        }

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
            return CheckTransport(direction, packet, protocol, rest, whole: true, now);
        }

        bool impossible = offset + packet.Length > 65_535 || (more && rest.Length % 8 != 0);
        string datagram = $"{direction} {Address(packet, 12)} {Address(packet, 16)} {protocol} {Number(packet, 4)}";
        if (offset > 0)
        {
            return impossible || (offset == 8 && protocol == 6) ? DropReason.Malformed
                : _passedFirstFragments.TryGetValue(datagram, out uint passed) && now - passed < 30 ? DropReason.None
                : DropReason.Fragment;
        }

        return Decide(
            datagram,
            now,
            impossible ? DropReason.Malformed : CheckTransport(direction, packet, protocol, rest, whole: false, now)
        );
    }

    private DropReason CheckV6(Direction direction, byte[] packet, uint now)
    {
        if (packet.Length < 40 || Number(packet, 4) != packet.Length - 40)
        {
            return DropReason.Malformed;
        }

        int next = packet[6];
        int at = 40;
        string? fragment = null;
        for (int headers = 1; next is 0 or 43 or 44 or 60; headers++)
        {
            if (
                headers > 8
                || at + 8 > packet.Length
                || (next == 0 && headers > 1)
                || (next == 44 && fragment is not null)
                || (next == 43 && packet[at + 3] != 0)
            )
            {
                return Decide(fragment, now, DropReason.Malformed);
            }

            int size = next == 44 ? 8 : (packet[at + 1] + 1) * 8;
            if (next == 44)
            {
                int offset = Number(packet, at + 2) / 8 * 8;
                bool more = Number(packet, at + 2) % 2 == 1;
                bool impossible = offset + packet.Length > 65_535 || (more && (packet.Length - at - 8) % 8 != 0);
                string datagram =
                    $"{direction} {Address(packet, 8, 32)} {Number(packet, at + 4)} {Number(packet, at + 6)}";
                if (offset > 0)
                {
                    return impossible ? DropReason.Malformed
                        : _passedFirstFragments.TryGetValue(datagram, out uint passed) && now - passed < 30
                            ? DropReason.None
                        : DropReason.Fragment;
                }

                fragment = more ? datagram : null;
                if (impossible)
                {
                    return Decide(fragment, now, DropReason.Malformed);
                }
            }

            next = packet[at];
            at += size;
        }

        return Decide(
            fragment,
            now,
            next != 6 && next != 17 && next != 58 ? DropReason.Protocol
                : at > packet.Length ? DropReason.Malformed
                : CheckTransport(direction, packet, next, packet[at..], fragment is null, now)
        );
    }

    private DropReason Decide(string? datagram, uint now, DropReason verdict)
    {
        if (datagram is null)
        {
            return verdict;
        }

        _passedFirstFragments.Remove(datagram);
        if (verdict == DropReason.None)
        {
            _passedFirstFragments[datagram] = now;
        }

        return verdict;
    }

    private DropReason CheckTransport(
        Direction direction,
        byte[] packet,
        int protocol,
        byte[] transport,
        bool whole,
        uint now
    )
    {
        if (protocol == 58)
        {
            return transport.Length < 8 ? DropReason.Malformed
                : new[] { 1, 2, 3, 4, 128, 129 }.Contains(transport[0]) ? DropReason.None
                : new[] { 130, 131, 132, 133, 134, 135, 136, 137, 143 }.Contains(transport[0]) ? DropReason.LinkControl
                : DropReason.IcmpType;
        }

        if (protocol == 1)
        {
            return transport.Length < 8 ? DropReason.Malformed
                : new[] { 0, 8, 3, 4, 5, 11, 12 }.Contains(transport[0]) ? DropReason.None
                : DropReason.IcmpType;
        }

        if (
            protocol == 6
            && (transport.Length < 20 || transport[12] / 16 < 5 || transport[12] / 16 * 4 > transport.Length)
        )
        {
            return DropReason.Malformed;
        }

        if (
            protocol == 17
            && (transport.Length < 8 || Number(transport, 4) < 8 || (whole && Number(transport, 4) > transport.Length))
        )
        {
            return DropReason.Malformed;
        }

        int source = Number(transport, 0);
        int destination = Number(transport, 2);
        bool isV6 = packet[0] / 16 == 6;
        string from = $"{(isV6 ? Address(packet, 8, 16) : Address(packet, 12))}:{source}";
        string to = $"{(isV6 ? Address(packet, 24, 16) : Address(packet, 16))}:{destination}";
        if (Ports.Contains(source) && Ports.Contains(destination))
        {
            return DropReason.None;
        }

        int flags = protocol == 6 ? transport[13] : 0;
        if (Ports.Contains(destination))
        {
            string opened = $"{direction} {protocol} {from} {to}";
            if (_flows.TryGetValue(opened, out Flow? known) && known.IsAlive(now))
            {
                _flows[opened] = known.OnOpener(flags) with { Used = now };
            }
            else if ((flags & Reset) == 0)
            {
                _flows[opened] = new Flow { Used = now, IsTcp = protocol == 6 };
            }

            return DropReason.None;
        }

        if (Ports.Contains(source))
        {
            Direction other = direction == Direction.Out ? Direction.In : Direction.Out;
            string asked = $"{other} {protocol} {to} {from}";
            if (!_flows.TryGetValue(asked, out Flow? flow) || !flow.IsAlive(now))
            {
                return DropReason.NoFlow;
            }

            _flows[asked] = flow.OnAnswerer(flags);
            return DropReason.None;
        }

        return DropReason.Port;
    }

    private const int Fin = 1,
        Syn = 2,
        Reset = 4;

    /// <summary>What was seen of a flow.</summary>
    private sealed record Flow
    {
        public uint Used { get; init; }

        public bool IsTcp { get; init; }

        public bool IsAnswered { get; init; }

        public bool WentOn { get; init; }

        public bool IsOpenerDone { get; init; }

        public bool IsAnswererDone { get; init; }

        public bool IsReset { get; init; }

        private bool IsOver => IsReset || (IsOpenerDone && IsAnswererDone);

        public bool IsAlive(uint now) =>
            now - Used
            < (
                !IsTcp ? (IsAnswered ? 300u : 120u)
                : IsOver ? 10u
                : WentOn || IsOpenerDone || IsAnswererDone ? 86_400u
                : 240u
            );

        public Flow OnOpener(int flags)
        {
            if (!IsTcp)
            {
                return this;
            }

            if ((flags & Reset) != 0)
            {
                return this with { IsReset = true };
            }

            if ((flags & Syn) != 0)
            {
                return IsOver || IsOpenerDone || IsAnswererDone ? new Flow { IsTcp = true } : this;
            }

            return this with
            {
                WentOn = IsAnswered,
                IsOpenerDone = IsOpenerDone || (IsAnswered && (flags & Fin) != 0),
            };
        }

        public Flow OnAnswerer(int flags) =>
            (flags & Reset) != 0
                ? this with
                {
                    IsReset = true,
                }
                : this with
                {
                    IsAnswered = true,
                    IsAnswererDone = IsAnswererDone || (flags & Fin) != 0,
                };
    }

    private static int Number(byte[] bytes, int at) => (bytes[at] * 256) + bytes[at + 1];

    private static string Address(byte[] packet, int at, int length = 4) => string.Join('.', packet[at..(at + length)]);
}
