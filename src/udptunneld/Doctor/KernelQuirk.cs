// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Doctor;

/// <summary>
/// What is known to be wrong with some kernels. It is told, not acted upon: what a kernel refuses is found out while
/// running.
/// </summary>
/// <param name="From">The first version that has it.</param>
/// <param name="Below">The first version that does not have it any more.</param>
/// <param name="Message">What goes wrong.</param>
internal sealed record KernelQuirk(Version From, Version Below, string Message)
{
    /// <summary>All known ones. Distributions carry fixes back, so that a version says "may", not "does".</summary>
    public static IReadOnlyList<KernelQuirk> All { get; } =
    [
        // torvalds/linux@e269d79c7d35 checked too much, 89add40066f9 mended it; lf-edge/eve#4389 and immortalwrt#1431
        // name the stable versions.
        new(
            new(6, 1, 103),
            new(6, 1, 111),
            "may refuse superpackets whose last segment is shorter; the tunnel goes on without"
        ),
        new(
            new(6, 6, 44),
            new(6, 6, 46),
            "may refuse superpackets whose last segment is shorter; the tunnel goes on without"
        ),
        // torvalds/linux@b10b446, mended by 78effd8 and 5f17ae0; tailscale#19777 and #21335 name the versions.
        new(
            new(7, 0),
            new(7, 1, 5),
            "may send runs of datagrams with wrong UDP headers on some network cards: much loss in one direction"
        ),
        // tailscale#11026.
        new(new(6, 2), new(6, 8, 5), "may lose packets of a VXLAN inside the tunnel, because of UDP superpackets"),
        // wireguard-go@c92064f.
        new(new(5, 0), new(5, 12), "merges received datagrams unreliably (UDP_GRO)"),
        new(new(0, 0), new(5, 0), "has no UDP_GRO, and before 4.18 no UDP_SEGMENT: the tunnel is slower"),
    ];

    /// <summary>Whether a kernel is among those.</summary>
    public bool Holds(Version kernel) => kernel >= From && kernel < Below;
}
