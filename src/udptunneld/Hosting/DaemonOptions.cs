// SPDX-License-Identifier: BSD-3-Clause

using System.Reflection;

namespace UdpTunnel.Hosting;

/// <summary>How the daemon was started.</summary>
internal sealed record DaemonOptions
{
    /// <summary>Members may operate the daemon.</summary>
    public const string OperateGroup = "udptunnel";

    /// <summary>Where the control socket is, if nobody says otherwise.</summary>
    public const string DefaultSocket = "/run/udptunnel/udptunneld.sock";

    /// <summary>Where state is kept, if nobody says otherwise.</summary>
    public const string DefaultStateDirectory = "/var/lib/udptunnel";

    /// <summary>Where the administrator's files are, if nobody says otherwise.</summary>
    public const string DefaultConfigDirectory = "/etc/udptunnel";

    /// <summary>Where <c>wg</c>(8) looks for the control sockets of devices.</summary>
    public const string DefaultDeviceDirectory = "/run/wireguard";

    /// <summary>The program's version, for example "0.1.0".</summary>
    public static string Version { get; } =
        typeof(DaemonOptions)
            .Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!
            .InformationalVersion.Split('+')[0];

    /// <summary>Members may look and change nothing; null: only operators may look.</summary>
    public string? LookGroup { get; init; }

    /// <summary>Where the control socket is.</summary>
    public string Socket { get; init; } = DefaultSocket;

    /// <summary>Where state is kept.</summary>
    public string StateDirectory { get; init; } = DefaultStateDirectory;

    /// <summary>Where the administrator's files are: tunnels.d/*.json start with the daemon.</summary>
    public string ConfigDirectory { get; init; } = DefaultConfigDirectory;

    /// <summary>Where the control sockets of secure tunnels' devices are; empty: nowhere.</summary>
    public string DeviceDirectory { get; init; } = DefaultDeviceDirectory;

    /// <summary>Where metrics are served; null: nowhere.</summary>
    public string? Metrics { get; init; }

    /// <summary>
    /// Where systemd put what LoadCredential= of the unit names (systemd.exec(5)), or null: *.json there start with the
    /// daemon too, though only root can read the files that they come from.
    /// </summary>
    public string? CredentialsDirectory { get; init; }

    /// <summary>When the daemon started.</summary>
    public DateTimeOffset Started { get; init; }
}
