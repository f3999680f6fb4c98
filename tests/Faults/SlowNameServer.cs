// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Faults;

/// <summary>
/// A DNS server of a few lines (RFC 1035), which does what real ones do on bad days. It knows one IPv4 address for
/// every name.
/// </summary>
internal sealed class SlowNameServer : IDisposable
{
    private const int HeaderLength = 12;

    private readonly TemporaryDirectory _settings;
    private readonly Socket _socket;

    /// <param name="server">Where it runs.</param>
    /// <param name="client">
    /// Who asks it. Must not run anything yet: <c>ip netns exec</c> puts the file in place of the host's.
    /// </param>
    public SlowNameServer(Host server, Host client)
    {
        _settings = new TemporaryDirectory($"/etc/netns/{client.Namespace.Name}");
        File.WriteAllText(_settings["resolv.conf"], $"nameserver {server.Address}\noptions timeout:10 attempts:1\n");
        _socket = server.Open(SocketType.Dgram);
        _socket.Bind(new IPEndPoint(IPAddress.Parse(server.Address), 53));
        _ = AnswerAsync();
    }

    /// <summary>The address; null for a name that has none.</summary>
    public string? Address { get; set; }

    /// <summary>How long each answer takes.</summary>
    public TimeSpan Delay { get; init; }

    /// <inheritdoc/>
    public void Dispose()
    {
        _socket.Dispose();
        _settings.Dispose();
    }

    private async Task AnswerAsync()
    {
        var buffer = new byte[512];
        try
        {
            while (true)
            {
                var question = await _socket.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0));
                _ = AnswerAsync(Answer(buffer.AsSpan(0, question.ReceivedBytes)), question.RemoteEndPoint);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Closed.
        }
    }

    private async Task AnswerAsync(byte[] answer, EndPoint to)
    {
        await Task.Delay(Delay);
        try
        {
            await _socket.SendToAsync(answer, to);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Closed.
        }
    }

    /// <summary>The question as it came, and an A record for it if it asks for one.</summary>
    private byte[] Answer(ReadOnlySpan<byte> question)
    {
        var end = HeaderLength;
        while (question[end] != 0)
        {
            end += question[end] + 1;
        }

        end += 5;
        var asksForA = question[end - 3] == 1;
        byte[] record =
            Address is { } address && asksForA
                ? [0xC0, HeaderLength, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, .. IPAddress.Parse(address).GetAddressBytes()]
                : [];
        return
        [
            question[0],
            question[1],
            0x81,
            0x80,
            0,
            1,
            0,
            (byte)(record.Length > 0 ? 1 : 0),
            0,
            0,
            0,
            0,
            .. question[HeaderLength..end],
            .. record,
        ];
    }
}
