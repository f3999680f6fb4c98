// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Api.Daemon;

/// <summary>
/// The surroundings of a daemon. The default is a network of its own, as far as the tests run as root.
/// </summary>
internal sealed record DaemonSetup
{
    /// <summary>
    /// Number of the group <c>udptunnel</c> in the daemon's own /etc/group; null: there is no such group. Needs root.
    /// </summary>
    public uint? OperateGroup { get; init; }

    /// <summary>Number of the group <c>udptunnel-look</c>, which may look; null: there is none. Needs root.</summary>
    public uint? LookGroup { get; init; }

    /// <summary>More options of the daemon.</summary>
    public IReadOnlyList<string> Options { get; init; } = [];

    /// <summary>The user that it runs as; null: the tests' own. Needs root.</summary>
    public uint? User { get; init; }

    /// <summary>Commands of the shell, run in the daemon's namespaces before it starts. Needs root.</summary>
    public string Before { get; init; } = "";

    /// <summary>A command that starts the daemon, such as setpriv or strace with their options.</summary>
    public IReadOnlyList<string> Through { get; init; } = [];

    /// <summary>Configuration files that are there when it starts, by name.</summary>
    public IReadOnlyDictionary<string, string> ConfigurationFiles { get; init; } = new Dictionary<string, string>();

    /// <summary>What a daemon before it stored, by name of the tunnel.</summary>
    public IReadOnlyDictionary<string, string> StoredTunnels { get; init; } = new Dictionary<string, string>();
}
