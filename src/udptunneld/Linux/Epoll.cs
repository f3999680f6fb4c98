// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using UdpTunnel.Memory;
using static UdpTunnel.Linux.SocketConstants;

namespace UdpTunnel.Linux;

/// <summary>Waits for any of many descriptors. Descriptors are added by any thread; one thread waits.</summary>
internal sealed unsafe class Epoll : IDisposable
{
    private const int Capacity = 256;

    // struct epoll_event: u32 events and u64 data, packed on x86-64 alone (include/uapi/linux/eventpoll.h).
    private static readonly int DataOffset = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;
    private static readonly int EntrySize = DataOffset + sizeof(ulong);

    private readonly FileDescriptor _descriptor;
    private readonly NativeBuffer _ready;

    /// <exception cref="LinuxException">The system has no descriptors or no memory left.</exception>
    public Epoll()
    {
        _descriptor = FileDescriptor.Take(Libc.EpollCreate(EPOLL_CLOEXEC), "cannot make an epoll descriptor");
        try
        {
            _ready = new NativeBuffer((nuint)(Capacity * EntrySize));
        }
        catch
        {
            _descriptor.Dispose();
            throw;
        }
    }

    /// <summary>Begins to watch a descriptor; closing it ends that by itself.</summary>
    /// <returns>The error, or <see cref="Errno.None"/>.</returns>
    public Errno Add(int descriptor, uint events, ulong data) => Control(EPOLL_CTL_ADD, descriptor, events, data);

    /// <summary>Changes what a descriptor is watched for.</summary>
    /// <param name="descriptor">The descriptor.</param>
    /// <param name="before">What it was watched for; 0 for not at all.</param>
    /// <param name="events">What for from now on; 0 for not at all, so that its end does not wake either.</param>
    /// <param name="data">Given when it is ready.</param>
    /// <returns>The error, or <see cref="Errno.None"/>. Only the first watching may fail.</returns>
    public Errno Change(int descriptor, uint before, uint events, ulong data) =>
        before == events
            ? Errno.None
            : Control(
                events == 0 ? EPOLL_CTL_DEL
                    : before == 0 ? EPOLL_CTL_ADD
                    : EPOLL_CTL_MOD,
                descriptor,
                events,
                data
            );

    /// <summary>Stops watching a descriptor.</summary>
    public void Remove(int descriptor) => _ = Control(EPOLL_CTL_DEL, descriptor, 0, 0);

    /// <summary>Waits.</summary>
    /// <param name="milliseconds">At most; -1 for as long as it takes.</param>
    /// <returns>How many descriptors are ready.</returns>
    public int Wait(int milliseconds) =>
        Math.Max(0, Libc.EpollWait(_descriptor.Number, _ready.Start, Capacity, milliseconds));

    /// <summary>What was given with a ready descriptor.</summary>
    public ulong Data(int index) => Unsafe.ReadUnaligned<ulong>(_ready.Start + (index * EntrySize) + DataOffset);

    /// <inheritdoc/>
    public void Dispose()
    {
        _descriptor.Dispose();
        _ready.Dispose();
    }

    private Errno Control(int operation, int descriptor, uint events, ulong data)
    {
        var wanted = stackalloc byte[EntrySize];
        Unsafe.WriteUnaligned(wanted, events);
        Unsafe.WriteUnaligned(wanted + DataOffset, data);
        return Libc.EpollControl(_descriptor.Number, operation, descriptor, wanted) < 0 ? Libc.LastError : Errno.None;
    }
}
