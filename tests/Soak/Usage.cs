// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Netns.Relay;

namespace UdpTunnel.Tests.Soak;

/// <summary>What the two daemons hold that are never restarted.</summary>
/// <param name="Server">The tunnel's.</param>
/// <param name="Receiver">The relay's.</param>
internal sealed record Usage(ProcessUsage Server, ProcessUsage Receiver)
{
    /// <summary>Looks at them.</summary>
    public static Usage Of(Lab lab, RelayLab relay) =>
        new(ProcessUsage.Of(lab.Server.Daemon.Id), ProcessUsage.Of(relay.Outside.Daemon.Id));

    /// <inheritdoc/>
    public override string ToString() => $"server {Text(Server)}; receiver {Text(Receiver)}";

    private static string Text(ProcessUsage usage) =>
        $"{usage.OwnKilobytes / 1024} MiB, {usage.Descriptors} descriptors, {usage.Threads} threads";
}
