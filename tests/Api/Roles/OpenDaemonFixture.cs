// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Api.Daemon;

namespace UdpTunnel.Tests.Api.Roles;

/// <summary>
/// A daemon whose machine has a group <c>udptunnel</c> and whose socket was opened to everybody after it started. Only
/// under root.
/// </summary>
public sealed class OpenDaemonFixture : IAsyncLifetime
{
    /// <summary>Number of the group <c>udptunnel</c>.</summary>
    public const uint Operators = 47_110;

    /// <summary>Mode of a directory that everybody may enter.</summary>
    public const UnixFileMode EverybodyMayEnter =
        UnixFileMode.UserRead
        | UnixFileMode.UserWrite
        | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead
        | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead
        | UnixFileMode.OtherExecute;

    private DaemonProcess? _daemon;

    internal DaemonProcess Daemon => _daemon!;

    public async ValueTask InitializeAsync()
    {
        if (Environment.IsPrivilegedProcess)
        {
            _daemon = await DaemonProcess.StartAsync(new DaemonSetup { OperateGroup = Operators });
            LetEverybodyIn(_daemon);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_daemon is not null)
        {
            await _daemon.DisposeAsync();
        }
    }

    /// <summary>Opens directory and socket to everybody.</summary>
    internal static void LetEverybodyIn(DaemonProcess daemon)
    {
        File.SetUnixFileMode(daemon.Directory, EverybodyMayEnter);
        File.SetUnixFileMode(
            daemon.SocketPath,
            File.GetUnixFileMode(daemon.SocketPath) | UnixFileMode.OtherRead | UnixFileMode.OtherWrite
        );
    }
}
