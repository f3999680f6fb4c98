// SPDX-License-Identifier: BSD-3-Clause

using Cocona;
using UdpTunnel.Hosting;

namespace UdpTunnel;

/// <summary>All that the daemon does.</summary>
/// <param name="started">When the program started.</param>
internal sealed class RunCommand(DateTimeOffset started)
{
    /// <summary>Runs it until it is ended.</summary>
    /// <returns>What the process ends with.</returns>
    [Command(
        Description = "UDP tunnel and relay daemon. It runs in the foreground and logs to standard error; udptunnelctl "
            + "drives it."
    )]
    public Task<int> RunAsync(
        [Option(
            "socket",
            ValueName = "PATH",
            Description = "The control socket; default " + DaemonOptions.DefaultSocket
        )]
            string socket = DaemonOptions.DefaultSocket,
        [Option(
            "state-dir",
            ValueName = "DIR",
            Description = "Directory for what runs; default " + DaemonOptions.DefaultStateDirectory
        )]
            string stateDirectory = DaemonOptions.DefaultStateDirectory,
        [Option(
            "config-dir",
            ValueName = "DIR",
            Description = "Directory whose tunnels.d/*.json start with the daemon; default "
                + DaemonOptions.DefaultConfigDirectory
        )]
            string configDirectory = DaemonOptions.DefaultConfigDirectory,
        [Option(
            "look-group",
            ValueName = "GROUP",
            Description = "Group whose members may look at everything and change nothing"
        )]
            string? lookGroup = null,
        [Option(
            "metrics",
            ValueName = "ADDRESS",
            Description = "Serve Prometheus metrics here: a loopback address such as 127.0.0.1:9586, or unix:/PATH"
        )]
            string? metrics = null,
        [Option(
            "device-dir",
            ValueName = "DIR",
            Description = "Directory for the control sockets of secure tunnels' devices, where wg(8) looks for them; "
                + "default "
                + DaemonOptions.DefaultDeviceDirectory
                + "; empty for none"
        )]
            string deviceDirectory = DaemonOptions.DefaultDeviceDirectory
    ) =>
        Daemon.RunAsync(
            new DaemonOptions
            {
                Socket = socket,
                StateDirectory = stateDirectory,
                ConfigDirectory = configDirectory,
                CredentialsDirectory = Environment.GetEnvironmentVariable("CREDENTIALS_DIRECTORY"),
                LookGroup = lookGroup,
                Metrics = metrics,
                DeviceDirectory = deviceDirectory,
                Started = started,
            }
        );
}
