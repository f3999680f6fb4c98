// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;
using System.Threading.Channels;
using UdpTunnel.Service;

namespace UdpTunnel.Reload;

/// <summary>
/// SIGHUP: applies the configuration directory without interrupting what runs. Signals that come while one is applied
/// are one more, not many. From its making on SIGHUP does not end the process; what came before <see cref="RunAsync"/>
/// is not lost.
/// </summary>
internal sealed class HangUp : IDisposable
{
    private readonly Channel<bool> _signals = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite }
    );

    private readonly PosixSignalRegistration _registration;

    /// <summary>Takes the signal.</summary>
    public HangUp() => _registration = PosixSignalRegistration.Create(PosixSignal.SIGHUP, signal =>
        {
            signal.Cancel = true;
            _signals.Writer.TryWrite(true);
        });

    /// <summary>Reloads at each signal, until cancelled.</summary>
    public async Task RunAsync(DirectoryReload reload, ServiceManager manager, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var _ in _signals.Reader.ReadAllAsync(cancellationToken))
            {
                await ReloadAsync(reload, manager, cancellationToken);
            }
        }
        catch (OperationCanceledException)
        {
            // The daemon stops.
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _registration.Dispose();

    /// <summary>One reload from its beginning to its end, which is what a service manager wants to know.</summary>
    private static async Task ReloadAsync(
        DirectoryReload reload,
        ServiceManager manager,
        CancellationToken cancellationToken
    )
    {
        manager.NotifyReloading();
        await reload.RunAndTellAsync(allowRestart: false, cancellationToken);
        manager.NotifyReady();
    }
}
