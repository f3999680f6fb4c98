// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Api.Daemon;

/// <summary>One daemon for all tests of a class, which run one after the other.</summary>
public sealed class DaemonFixture : IAsyncLifetime
{
    private DaemonProcess? _daemon;

    internal DaemonProcess Daemon => _daemon!;

    internal ControlChannel Channel => Daemon.Channel;

    public async ValueTask InitializeAsync() => _daemon = await DaemonProcess.StartAsync();

    public async ValueTask DisposeAsync()
    {
        if (_daemon is not null)
        {
            await _daemon.DisposeAsync();
        }
    }
}
