// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Net;
using UdpTunnel.Packets;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Tests.Tunnel;

/// <summary>Echo requests of the daemon's own.</summary>
public sealed class EchoTests
{
    private const ulong Number = 0x0123_4567_89AB_CDEF;

    [Theory]
    [InlineData("10.99.0.1", "10.99.0.2")]
    [InlineData("fd00::1", "fd00::ffff:2")]
    public void An_echo_request_is_whole_and_its_answer_is_known_by_its_number(string from, string to)
    {
        var echo = new Echo(IPAddress.Parse(from), IPAddress.Parse(to), Number);
        var request = Write(echo);
        var isV6 = request[0] >> 4 == 6;
        Assert.Equal(0xFFFF, Sum(request, isV6));

        // The request itself, going out or coming in, is no answer, nor is one to another request.
        echo.Add(Direction.Out, DropReason.None, null, request, request.Length);
        echo.Add(Direction.In, DropReason.None, null, request, request.Length);
        var reply = request.ToArray();
        reply[isV6 ? 40 : 20] = (byte)(isV6 ? 129 : 0);
        var other = reply.ToArray();
        other[^1] ^= 1;
        echo.Add(Direction.In, DropReason.None, null, other, other.Length);
        for (var length = 0; length < reply.Length; length++)
        {
            echo.Add(Direction.In, DropReason.None, null, reply.AsSpan(0, length), length);
        }

        Assert.False(echo.Result.IsCompleted);
        echo.Add(Direction.In, DropReason.None, null, reply, reply.Length);
        Assert.True(echo.Result.IsCompleted);
    }

    [Fact]
    public async Task A_request_that_is_dropped_here_says_why()
    {
        var echo = new Echo(IPAddress.Parse("10.99.0.1"), IPAddress.Parse("10.99.0.2"), Number);
        var request = Write(echo);
        echo.Add(Direction.Out, DropReason.NoRoute, null, request, request.Length);
        Assert.Equal(new EchoResult(null, DropReason.NoRoute), await echo.Result);

        var ended = new Echo(IPAddress.Parse("10.99.0.1"), IPAddress.Parse("10.99.0.2"), Number);
        ended.End();
        Assert.Equal(default, await ended.Result);
    }

    private static unsafe byte[] Write(Echo echo)
    {
        var buffer = new byte[128];
        fixed (byte* start = buffer)
        {
            return buffer[..echo.Write(start)];
        }
    }

    /// <summary>The sum over the message with its checksum (RFC 1071), of ICMPv6 with the pseudo-header.</summary>
    private static int Sum(byte[] packet, bool isV6)
    {
        var sum = isV6 ? packet.Length - 40 + 58 : 0;
        for (var i = isV6 ? 8 : 20; i < packet.Length; i += 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(i));
        }

        sum = (sum & 0xFFFF) + (sum >> 16);
        return (sum & 0xFFFF) + (sum >> 16);
    }
}
