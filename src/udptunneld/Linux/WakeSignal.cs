// SPDX-License-Identifier: BSD-3-Clause

using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Linux;

/// <summary>Wakes a thread that waits for descriptors (eventfd).</summary>
internal sealed unsafe class WakeSignal : IDisposable
{
    private readonly FileDescriptor _descriptor;

    // Many raise it between two waits of the woken thread; the first system call is enough.
    private int _raised;

    /// <exception cref="LinuxException">The system has no descriptors left.</exception>
    public WakeSignal() =>
        _descriptor = FileDescriptor.Take(
            Libc.EventDescriptor(0, EFD_NONBLOCK | EFD_CLOEXEC),
            "cannot make an event descriptor"
        );

    /// <summary>Readable while raised.</summary>
    public int Descriptor => _descriptor.Number;

    /// <summary>Wakes the waiting thread, now or at its next wait.</summary>
    public void Raise()
    {
        if (Interlocked.Exchange(ref _raised, 1) == 0)
        {
            ulong one = 1;
            _ = Libc.Write(Descriptor, (byte*)&one, sizeof(ulong));
        }
    }

    /// <summary>Forgets what was raised; the woken thread calls it before it looks for what is to do.</summary>
    public void Clear()
    {
        ulong count;
        _ = Libc.Read(Descriptor, (byte*)&count, sizeof(ulong));
        Interlocked.Exchange(ref _raised, 0);
    }

    /// <inheritdoc/>
    public void Dispose() => _descriptor.Dispose();
}
