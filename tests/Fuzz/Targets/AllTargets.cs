// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using UdpTunnel.WireGuard;

namespace UdpTunnel.Tests.Fuzz.Targets;

/// <summary>All targets.</summary>
internal static class AllTargets
{
    private static readonly Func<IFuzzTarget>[] Makers =
    [
        () => new ConfigTarget(),
        () => new WgQuickTarget(),
        () => new SessionTarget(),
        () => new HeaderTarget(),
        () => new ReplyTarget(),
        () => new SegmenterTarget(),
        () => new CoalescerTarget(),
        () => new ClassicFrameTarget(),
        () => new TlsFrameTarget(),
        () => new NetlinkTarget(),
        () => new CertificateTarget(),
        () => new GreetingTarget(),
        () => new WireGuardMessageTarget("wireguard-initiation", MessageType.Initiation),
        () => new WireGuardMessageTarget("wireguard-response", MessageType.Response),
        () => new WireGuardMessageTarget("wireguard-cookie", MessageType.CookieReply),
        () => new WireGuardMessageTarget("wireguard-packet", MessageType.Transport),
        () => new WireGuardPairTarget(),
        () => new DeviceProtocolTarget(),
    ];

    /// <summary>Their names.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        .. Make()
            .Select(target =>
            {
                using (target)
                {
                    return target.Name;
                }
            }),
    ];

    /// <summary>Makes all of them.</summary>
    public static IEnumerable<IFuzzTarget> Make() => Makers.Select(make => make());

    /// <summary>Words as bytes.</summary>
    public static IReadOnlyList<byte[]> Words(params string[] words) => [.. words.Select(Encoding.UTF8.GetBytes)];
}
