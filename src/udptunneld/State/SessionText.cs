using System.Globalization;
using System.Net;
using System.Text;
using UdpTunnel.Filter;
using UdpTunnel.Packets;

namespace UdpTunnel.State;

/// <summary>
/// A <see cref="Session"/> as text. Pure; a line that cannot be read is left out, since what it knew is only worth a retransmission.
/// <code>
///  udptunnel-session 1 1764000000          format, seconds since 1970
///  peer 192.0.2.7:40112
///  flow in tcp 10.0.0.2:40000 10.0.0.1:22 12     opened by, protocol, source, destination, age in seconds
/// </code>
/// </summary>
internal static class SessionText
{
    private const string Header = "udptunnel-session 1";

    /// <summary>Writes a session.</summary>
    public static string Write(Session session)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Header} {session.Saved.ToUnixTimeSeconds()}\n");
        if (session.Peer is { } peer)
        {
            text.Append(CultureInfo.InvariantCulture, $"peer {peer}\n");
        }

        foreach (var (flow, openedBy, age) in session.Flows)
        {
            text.Append(openedBy == Direction.In ? "flow in " : "flow out ")
                .Append(flow.Protocol == 6 ? "tcp " : "udp ")
                .Append(Address(flow.SourceAddress, flow.SourcePort))
                .Append(' ')
                .Append(Address(flow.DestinationAddress, flow.DestinationPort))
                .Append(CultureInfo.InvariantCulture, $" {age}\n");
        }

        return text.ToString();
    }

    /// <summary>Reads a session.</summary>
    /// <returns>Null if it is none, or of another format.</returns>
    public static Session? Read(string text)
    {
        var lines = text.Split('\n');
        var header = lines[0].Split(' ');
        if (!lines[0].StartsWith(Header + " ", StringComparison.Ordinal)
            || header.Length != 3
            || !uint.TryParse(header[2], NumberStyles.None, CultureInfo.InvariantCulture, out var saved))
        {
            return null;
        }

        IPEndPoint? peer = null;
        var flows = new List<RememberedFlow>();
        foreach (var line in lines.Skip(1))
        {
            var words = line.Split(' ');
            if (words is ["peer", var endpoint] && IPEndPoint.TryParse(endpoint, out var parsed) && parsed.Port > 0)
            {
                peer = parsed;
            }
            else if (ReadFlow(words) is { } flow)
            {
                flows.Add(flow);
            }
        }

        return new Session(DateTimeOffset.FromUnixTimeSeconds(saved), peer, flows);
    }

    private static RememberedFlow? ReadFlow(string[] words)
    {
        if (words is not ["flow", "in" or "out", "tcp" or "udp", var source, var destination, var ageText]
            || !TryRead(source, out var sourceAddress, out var sourcePort)
            || !TryRead(destination, out var destinationAddress, out var destinationPort)
            || !uint.TryParse(ageText, NumberStyles.None, CultureInfo.InvariantCulture, out var age)
            || age >= FlowTable.Lifetime)
        {
            return null;
        }

        var flow = new Flow((byte)(words[2] == "tcp" ? 6 : 17), sourceAddress, destinationAddress, sourcePort, destinationPort);
        return new RememberedFlow(flow, words[1] == "in" ? Direction.In : Direction.Out, age);
    }

    private static string Address(uint address, ushort port) => string.Create(
        CultureInfo.InvariantCulture,
        $"{address >> 24}.{(address >> 16) & 255}.{(address >> 8) & 255}.{address & 255}:{port}");

    private static bool TryRead(string text, out uint address, out ushort port)
    {
        address = 0;
        port = 0;
        if (!IPEndPoint.TryParse(text, out var endpoint) || endpoint.AddressFamily != System.Net.Sockets.AddressFamily.InterNetwork)
        {
            return false;
        }

        foreach (var part in endpoint.Address.GetAddressBytes())
        {
            address = (address << 8) | part;
        }

        port = (ushort)endpoint.Port;
        return true;
    }
}
