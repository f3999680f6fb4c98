using System.Runtime.InteropServices;

namespace UdpTunnel.Linux;

/// <summary>Reads the kernel's answer to one rtnetlink request. Pure; whatever the bytes are, it never reads beyond them.</summary>
internal static class NetlinkAnswer
{
    private const ushort NLMSG_ERROR = 2;
    private const ushort RTM_NEWLINK = 16;
    private const int HeaderSize = 16;

    /// <summary>Finds the acknowledgement of a request.</summary>
    /// <param name="answer">One datagram from the kernel, of one or more messages.</param>
    /// <param name="sequence">The request's number.</param>
    /// <returns>The error, <see cref="Errno.None"/> for success, or null if the acknowledgement is not in there.</returns>
    public static Errno? FindAcknowledgement(ReadOnlySpan<byte> answer, uint sequence)
    {
        while (Next(ref answer, out var type, out var messageSequence, out var body))
        {
            if (type == NLMSG_ERROR && messageSequence == sequence && body.Length >= sizeof(int))
            {
                return (Errno)(-MemoryMarshal.Read<int>(body));
            }
        }

        return null;
    }

    /// <summary>Finds the interface index in an answer to RTM_GETLINK.</summary>
    /// <returns>The index, or null if there is none in it.</returns>
    public static int? FindLinkIndex(ReadOnlySpan<byte> answer, uint sequence)
    {
        while (Next(ref answer, out var type, out var messageSequence, out var body))
        {
            // ifinfomsg: family u8, pad u8, type u16, index i32 …
            if (type == RTM_NEWLINK && messageSequence == sequence && body.Length >= 8)
            {
                return MemoryMarshal.Read<int>(body[4..]);
            }
        }

        return null;
    }

    private static bool Next(ref ReadOnlySpan<byte> rest, out ushort type, out uint sequence, out ReadOnlySpan<byte> body)
    {
        type = 0;
        sequence = 0;
        body = default;
        if (rest.Length < HeaderSize)
        {
            return false;
        }

        var length = MemoryMarshal.Read<uint>(rest);
        if (length < HeaderSize || length > (uint)rest.Length)
        {
            return false;
        }

        type = MemoryMarshal.Read<ushort>(rest[4..]);
        sequence = MemoryMarshal.Read<uint>(rest[8..]);
        body = rest[HeaderSize..(int)length];
        rest = rest[Math.Min(rest.Length, ((int)length + 3) & ~3)..];
        return true;
    }
}
