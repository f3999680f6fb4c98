// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Linux;

/// <summary>
/// Keeps secrets of this process from what the kernel would write when it crashes, and from other processes of its
/// user (PR_SET_DUMPABLE, prctl(2)). Switched off for as long as anybody holds one of these.
/// </summary>
internal sealed class CoreDumps : IDisposable
{
    private const int PR_SET_DUMPABLE = 4;

    // Protects how many there are.
    private static readonly Lock Gate = new();
    private static int _holders;

    private bool _isDisposed;

    private CoreDumps() { }

    /// <summary>Switches them off until what is returned is disposed of.</summary>
    public static CoreDumps SwitchOff()
    {
        lock (Gate)
        {
            if (_holders++ == 0)
            {
                _ = Libc.ProcessControl(PR_SET_DUMPABLE, 0, 0, 0, 0);
            }
        }

        return new CoreDumps();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (Gate)
        {
            if (!_isDisposed && --_holders == 0)
            {
                _ = Libc.ProcessControl(PR_SET_DUMPABLE, 1, 0, 0, 0);
            }

            _isDisposed = true;
        }
    }
}
