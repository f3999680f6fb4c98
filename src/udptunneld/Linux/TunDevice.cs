// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using UdpTunnel.Memory;
using UdpTunnel.Packets;
using static UdpTunnel.Linux.SocketConstants;
using static UdpTunnel.Linux.TunConstants;

namespace UdpTunnel.Linux;

/// <summary>
/// A TUN device of our own. It lives as long as its descriptor is open, so that nothing is left behind whatever ends
/// the process.
/// </summary>
/// <remarks>
/// The descriptor stays blocking, and is read with RWF_NOWAIT: a write should wait for memory rather than lose a
/// packet.
/// </remarks>
internal sealed unsafe class TunDevice : ITun
{
    private const int RWF_NOWAIT = 8;

    private readonly string _requestedName;
    private readonly bool _offload;
    private readonly FileDescriptor _descriptor;
    private int _readFlags = RWF_NOWAIT;
    private volatile bool _isGone;

    private TunDevice(string requestedName, bool offload, FileDescriptor descriptor, string name, TunOffloads offloads)
    {
        _requestedName = requestedName;
        _offload = offload;
        _descriptor = descriptor;
        Name = name;
        Offloads = offloads;
        Index = RouteSocket.FindLink(name) ?? throw new LinuxException($"device {name} is gone", Errno.NoDevice);
    }

    /// <inheritdoc/>
    public int Descriptor => _descriptor.Number;

    /// <inheritdoc/>
    public string Name { get; private set; }

    /// <inheritdoc/>
    public int Index { get; private set; }

    /// <inheritdoc/>
    public TunOffloads Offloads { get; private set; }

    /// <summary>Makes a device. It has no address yet and is down.</summary>
    /// <param name="name">Its name; empty lets the kernel choose (tun0, tun1, …).</param>
    /// <param name="offload">Whether superpackets are wanted.</param>
    /// <exception cref="LinuxException">No /dev/net/tun, no CAP_NET_ADMIN, or the name is taken.</exception>
    public static TunDevice Open(string name, bool offload)
    {
        var descriptor = Attach(name, offload, out var actualName, out var offloads);
        try
        {
            return new TunDevice(name, offload, descriptor, actualName, offloads);
        }
        catch
        {
            descriptor.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public bool Read(PacketBatch batch)
    {
        batch.Clear();
        while (!batch.IsFull)
        {
            var slice = new Slice(batch.Target(batch.Count), PacketBatch.TargetSize);
            var length = Libc.ReadVector(_descriptor.Number, &slice, 1, -1, _readFlags);
            if (length < 0)
            {
                switch (Libc.LastError)
                {
                    case Errno.Interrupted:
                        continue;
                    case Errno.Again:
                        return true;
                    case Errno.NotSupported when _readFlags == RWF_NOWAIT && SetNonBlocking():
                        // Before Linux 5.10 a TUN device does not know the flag.
                        _readFlags = 0;
                        continue;
                    case Errno.BadDescriptorState or Errno.BadAddress or Errno.InputOutput:
                        // tun_chr_read_iter and tun_ring_recv (drivers/net/tun.c) of a device that was deleted.
                        _isGone = true;
                        return batch.Count > 0;
                    default:
                        return batch.Count > 0;
                }
            }

            batch.Accept((int)length);

            // After a superpacket the sender is busy with the next one: looking for more then costs a system call and
            // finds nothing.
            if (length >= PacketBatch.LargePacket)
            {
                break;
            }
        }

        return true;
    }

    /// <inheritdoc/>
    public WriteStatus Write(Slice* slices, int count)
    {
        while (true)
        {
            if (Libc.WriteVector(_descriptor.Number, slices, count) >= 0)
            {
                return WriteStatus.Written;
            }

            switch (Libc.LastError)
            {
                case Errno.Interrupted:
                    continue;
                case Errno.Invalid:
                    return WriteStatus.Refused;
                default:
                    return WriteStatus.DeviceFailed;
            }
        }
    }

    /// <inheritdoc/>
    public void Recreate()
    {
        // A device that was attached before and could not be configured is still ours: its name is taken, by us.
        if (_isGone)
        {
            Attach();
        }

        Index = RouteSocket.FindLink(Name) ?? throw Gone();
    }

    /// <inheritdoc/>
    public void Dispose() => _descriptor.Dispose();

    private void Attach()
    {
        using var descriptor = Attach(
            _requestedName.Length > 0 ? _requestedName : Name,
            _offload,
            out var name,
            out var offloads
        );

        // The worker may be writing to the old descriptor: replacing what the number stands for is atomic, while
        // closing it and using another number would race.
        if (Libc.Dup3(descriptor.Number, _descriptor.Number, O_CLOEXEC) < 0)
        {
            throw LinuxException.Last("cannot replace the device");
        }

        Name = name;
        Offloads = offloads;
        _readFlags = RWF_NOWAIT;
        _isGone = false;
    }

    private bool SetNonBlocking() => Libc.FileControl(_descriptor.Number, F_SETFL, O_RDWR | O_NONBLOCK) == 0;

    /// <summary>The device went again after it was attached: the next call attaches another.</summary>
    private LinuxException Gone()
    {
        _isGone = true;
        return new LinuxException($"device {Name} is gone", Errno.NoDevice);
    }

    private static FileDescriptor Attach(string name, bool offload, out string actualName, out TunOffloads offloads)
    {
        var owner = FileDescriptor.Take(Libc.Open("/dev/net/tun", O_RDWR | O_CLOEXEC), "cannot open /dev/net/tun");
        try
        {
            var descriptor = owner.Number;

            // struct ifreq: name (16 bytes), then a union that starts with the flags.
            var request = stackalloc byte[40];
            new Span<byte>(request, 40).Clear();
            Encoding.ASCII.GetBytes(name, new Span<byte>(request, IFNAMSIZ - 1));
            *(ushort*)(request + IFNAMSIZ) = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL;
            if (Libc.Ioctl(descriptor, TUNSETIFF, (nint)request) < 0)
            {
                throw LinuxException.Last(
                    name.Length > 0 ? $"cannot make the TUN device {name}" : "cannot make a TUN device"
                );
            }

            var headerSize = VirtioNetHeader.Size;
            if (Libc.Ioctl(descriptor, TUNSETVNETHDRSZ, (nint)(&headerSize)) < 0)
            {
                throw LinuxException.Last("cannot set the size of the virtio header");
            }

            actualName = Encoding.ASCII.GetString(new ReadOnlySpan<byte>(request, IFNAMSIZ)).TrimEnd('\0');
            offloads = offload ? EnableOffloads(descriptor) : TunOffloads.None;
            return owner;
        }
        catch
        {
            owner.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Takes what the kernel has: UDP superpackets came with Linux 6.2, and some kernels refuse all of it.
    /// </summary>
    private static TunOffloads EnableOffloads(int descriptor)
    {
        const nint Tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
        if (Libc.Ioctl(descriptor, TUNSETOFFLOAD, Tcp | TUN_F_USO4 | TUN_F_USO6) == 0)
        {
            return TunOffloads.Tcp | TunOffloads.Udp;
        }

        return Libc.Ioctl(descriptor, TUNSETOFFLOAD, Tcp) == 0 ? TunOffloads.Tcp : TunOffloads.None;
    }
}
