// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using UdpTunnel.Config;
using UdpTunnel.Crypto;
using UdpTunnel.Linux;
using UdpTunnel.WireGuard;

namespace UdpTunnel.Bench.WireGuard;

/// <summary>Many peers of one end, for the script <c>many-peers</c>: their keys, and one handshake of each.</summary>
internal static class PeerCrowd
{
    // wireguard-go asks for cookies when an eighth of its queue of 1,024 handshakes waits.
    private const int MostUnanswered = 64;

    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(200);

    /// <summary>
    /// <c>make COUNT FOLDER</c> writes <c>keys</c>, <c>peers.conf</c> as wg-quick has it and <c>peers.json</c>.
    /// <c>call ADDRESS:PORT KEY FOLDER RATE</c> has each of them begin a handshake, so many a second (0: as fast as
    /// they are answered), and prints how many were answered and in how many seconds.
    /// </summary>
    public static void Run(string[] words)
    {
        switch (words)
        {
            case ["make", var count, var folder]:
                Make(int.Parse(count, CultureInfo.InvariantCulture), folder);
                break;
            case ["call", var address, var key, var folder, var rate]:
                Call(IPEndPoint.Parse(address), key, folder, int.Parse(rate, CultureInfo.InvariantCulture));
                break;
            default:
                throw new ArgumentException("make COUNT FOLDER, or call ADDRESS:PORT KEY FOLDER RATE");
        }
    }

    private static void Make(int count, string folder)
    {
        var keys = Enumerable.Range(0, count).Select(_ => NewKey()).ToList();
        var peers = keys.Select(
            (key, i) =>
                (
                    Key: $"{X25519PrivateKey.PublicKeyOf(SecretKey.FromBytes(key))}",
                    Network: $"10.{64 + (i >> 16)}.{(i >> 8) & 255}.{i & 255}/32"
                )
        );
        File.WriteAllLines(Path.Combine(folder, "keys"), keys.Select(Convert.ToBase64String));
        File.WriteAllLines(
            Path.Combine(folder, "peers.conf"),
            peers.Select(p => $"[Peer]\nPublicKey = {p.Key}\nAllowedIPs = {p.Network}")
        );
        File.WriteAllText(
            Path.Combine(folder, "peers.json"),
            JsonSerializer.Serialize(peers.Select(p => new { PublicKey = p.Key, AllowedIPs = new[] { p.Network } }))
        );
    }

    private static byte[] NewKey()
    {
        var key = new byte[SecretKey.Size];
        LocalIdentity.Generate(RandomSource.System, key);
        return key;
    }

    private static void Call(IPEndPoint address, string key, string folder, int rate)
    {
        var server = PublicKey.TryParse(key, out var parsed) ? parsed : throw new ArgumentException("no key");
        var initiations = File.ReadLines(Path.Combine(folder, "keys")).Select(k => Initiation(k, server)).ToList();
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Connect(address);
        socket.ReceiveTimeout = (int)Patience.TotalMilliseconds;
        var buffer = new byte[2048];
        var answered = 0;
        var sent = 0;
        var lost = 0;
        var clock = Stopwatch.StartNew();
        var last = clock.Elapsed;
        while (sent < initiations.Count || answered + lost < sent)
        {
            var due = rate == 0 ? int.MaxValue : (int)(clock.Elapsed.TotalSeconds * rate);
            if (sent < Math.Min(due, initiations.Count) && sent - answered - lost < MostUnanswered)
            {
                socket.Send(initiations[sent++]);
            }
            else if (socket.Poll(TimeSpan.FromMilliseconds(1), SelectMode.SelectRead))
            {
                answered += socket.Receive(buffer) == ResponseMessage.Size ? 1 : 0;
                last = clock.Elapsed;
            }
            else if (clock.Elapsed - last > Patience)
            {
                lost = sent - answered;
            }
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{answered} {last.TotalSeconds:0.000}"));
    }

    private static byte[] Initiation(string key, PublicKey server)
    {
        var output = new LastDatagram();
        using var engine = new WireGuardEngine(
            LocalIdentity.Import(Convert.FromBase64String(key)),
            output,
            RandomSource.System,
            new HandshakeRates()
        );
        engine.Advance(1_000_000, Tai64n.From(DateTimeOffset.UtcNow));
        _ = engine.AddPeer(server, default, out var peer);
        peer!.SetEndpoint(Endpoint.From(new IPEndPoint(IPAddress.Loopback, 1), dualStack: true));
        engine.BeginHandshake(peer);
        return output.Bytes;
    }

    private sealed class LastDatagram : IWireGuardOutput
    {
        public byte[] Bytes { get; private set; } = [];

        unsafe void IWireGuardOutput.Send(
            byte* datagram,
            int length,
            int packetLength,
            in Endpoint endpoint,
            Peer? peer
        ) => Bytes = new ReadOnlySpan<byte>(datagram, length).ToArray();

        void IWireGuardOutput.Notify(Peer peer, PeerEvent what) { }
    }
}
