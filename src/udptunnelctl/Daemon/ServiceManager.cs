// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Cli.Daemon;

/// <summary>
/// How the daemon is started and asked on this host: by systemd where it runs and knows the daemon, else by hand. Looks
/// only when advice is needed.
/// </summary>
/// <param name="exists">Tells whether a file or directory exists.</param>
internal sealed class ServiceManager(Func<string, bool> exists)
{
    /// <summary>
    /// Where systemd looks for units (systemd.unit(5)), as far as packages and administrators use it.
    /// </summary>
    private static readonly string[] Units =
    [
        "/etc/systemd/system/udptunneld.service",
        "/usr/local/lib/systemd/system/udptunneld.service",
        "/usr/lib/systemd/system/udptunneld.service",
        "/lib/systemd/system/udptunneld.service",
    ];

    /// <summary>That of the host that this process runs on.</summary>
    public static ServiceManager OfThisHost { get; } = new(Path.Exists);

    /// <summary>That of a host that cannot be looked at, which most likely has the package.</summary>
    public static ServiceManager OfAnotherHost { get; } = new(_ => true);

    /// <summary>What to do if no daemon runs.</summary>
    public string Start =>
        HasUnit
            ? "Start it with 'sudo systemctl start udptunneld'"
            : "Start it with 'sudo udptunneld', in a terminal of its own";

    /// <summary>What to do if the daemon lacks a privilege.</summary>
    public string StartPrivileged =>
        HasUnit
            ? "Start the daemon with its unit (sudo systemctl restart udptunneld), which gives it CAP_NET_ADMIN, or as root."
            : "Start the daemon as root: sudo udptunneld";

    /// <summary>Where to look if the daemon has ended or does not answer.</summary>
    public string WhyEnded =>
        HasUnit
            ? "'systemctl status udptunneld' and 'journalctl -u udptunneld' say why."
            : "What it wrote where it was started says why.";

    /// <summary>Where to look if the daemon may know more than it answered.</summary>
    public string SaysMore =>
        HasUnit
            ? "'journalctl -u udptunneld' may say more."
            : "What the daemon wrote where it was started may say more.";

    /// <summary>The first is sd_booted(3).</summary>
    private bool HasUnit => exists("/run/systemd/system") && Units.Any(exists);
}
