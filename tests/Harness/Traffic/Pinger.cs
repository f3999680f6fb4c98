// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace UdpTunnel.Tests.Harness.Traffic;

/// <summary>
/// Sends ICMP echo and waits for each answer. The command of that name sends by the clock and gives an answer that it
/// is waiting for only two round trips, which on a busy machine is not an exact count of anything.
/// </summary>
internal sealed class Pinger : IDisposable
{
    private const byte Echo = 8;
    private const byte EchoReply = 0;
    private const int HeaderLength = 8;

    private const int IPPROTO_IP = 0;
    private const int IP_MTU_DISCOVER = 10;
    private const int IP_PMTUDISC_WANT = 1;
    private const int IP_PMTUDISC_DO = 2;

    private readonly Socket _socket;
    private readonly IPEndPoint _target;
    private readonly ushort _id = (ushort)RandomNumberGenerator.GetInt32(1, 65536);
    private readonly byte[] _received = new byte[65536];
    private ushort _sequence;

    /// <param name="home">Where it pings from.</param>
    /// <param name="target">An IPv4 address.</param>
    /// <param name="mayFragment">Whether larger packets than the MTU are sent in fragments, not refused.</param>
    public Pinger(NetworkNamespace home, string target, bool mayFragment = false)
    {
        _target = new IPEndPoint(IPAddress.Parse(target), 0);
        _socket = home.Open(AddressFamily.InterNetwork, SocketType.Raw, ProtocolType.Icmp);
        _socket.SetRawSocketOption(
            IPPROTO_IP,
            IP_MTU_DISCOVER,
            BitConverter.GetBytes(mayFragment ? IP_PMTUDISC_WANT : IP_PMTUDISC_DO)
        );
    }

    /// <summary>Sends one.</summary>
    /// <param name="size">Bytes behind the ICMP header.</param>
    /// <param name="patience">How long to wait for the answer.</param>
    /// <returns>Whether it was answered, with the same bytes; false also if it could not be sent.</returns>
    public async Task<bool> PingAsync(int size, TimeSpan patience)
    {
        var message = Message(size);
        using var limit = new CancellationTokenSource(patience);
        try
        {
            await _socket.SendToAsync(message, SocketFlags.None, _target, limit.Token);
            while (!IsAnswer(_received.AsSpan(0, await _socket.ReceiveAsync(_received, limit.Token)), message))
            {
                // The kernel gives every ICMP message to every raw socket.
            }

            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
        catch (SocketException)
        {
            // No route, or larger than the MTU.
            return false;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    /// <summary>Type, code, checksum, identifier, sequence, data (RFC 792).</summary>
    private byte[] Message(int size)
    {
        var message = new byte[HeaderLength + size];
        message[0] = Echo;
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(4), _id);
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(6), ++_sequence);
        RandomNumberGenerator.Fill(message.AsSpan(HeaderLength));
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), InternetChecksum.Of(message));
        return message;
    }

    private static bool IsAnswer(ReadOnlySpan<byte> packet, ReadOnlySpan<byte> message)
    {
        var answer = packet[((packet[0] & 15) * 4)..];
        return answer.Length == message.Length && answer[0] == EchoReply && answer[4..].SequenceEqual(message[4..]);
    }
}
