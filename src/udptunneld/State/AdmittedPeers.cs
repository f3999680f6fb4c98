// SPDX-License-Identifier: BSD-3-Clause

using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using UdpTunnel.Config;
using UdpTunnel.Linux;

namespace UdpTunnel.State;

/// <summary>A peer of a secure tunnel that a person has let in, beside those of its file.</summary>
/// <param name="Peer">With its key, name and networks.</param>
/// <param name="Until">Until when its invitation is good; null if there is none, or it was used.</param>
internal sealed record AdmittedPeer(PeerConfig Peer, DateTimeOffset? Until = null);

/// <summary>
/// Peers that people have let in, by the name of the tunnel, whether it runs or not: a reload of the tunnel's file does
/// not undo an approval. In the state directory:
/// <code>
///  admitted/NAME          "KEY NAME-OR-- SECONDS-OR-- NETWORK,NETWORK", one a line
/// </code>
/// </summary>
internal sealed class AdmittedPeers
{
    // As many peers as a tunnel can have, with two networks each.
    private const int MaxLength = 4 * 1024 * 1024;

    private const string Nothing = "-";

    private readonly string _directory;
    private readonly ConcurrentDictionary<string, IReadOnlyList<AdmittedPeer>> _peers = new(StringComparer.Ordinal);

    /// <param name="directory">The state directory, which is there.</param>
    /// <exception cref="IOException">It cannot be made.</exception>
    public AdmittedPeers(string directory)
    {
        _directory = Path.Combine(directory, "admitted");
        PrivateDirectory.Make(_directory);
    }

    /// <summary>The peers of a tunnel. For any thread.</summary>
    /// <exception cref="IOException">They cannot be read.</exception>
    public IReadOnlyList<AdmittedPeer> Of(string tunnel) => _peers.GetOrAdd(tunnel, Load);

    /// <summary>Keeps these peers of a tunnel, and no others.</summary>
    /// <exception cref="IOException">The directory cannot be written; everything is as it was.</exception>
    public void Save(string tunnel, IReadOnlyList<AdmittedPeer> peers)
    {
        if (peers.Count == 0)
        {
            File.Delete(Path.Combine(_directory, tunnel));
            AtomicFile.FlushDirectory(_directory);
        }
        else
        {
            AtomicFile.Write(_directory, tunnel, string.Concat(peers.Select(ToLine)), durable: true);
        }

        _peers[tunnel] = peers;
    }

    /// <summary>A peer as a line.</summary>
    internal static string ToLine(AdmittedPeer admitted)
    {
        var until = admitted.Until?.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture) ?? Nothing;
        var peer = admitted.Peer;
        return $"{peer.PublicKey} {peer.Name ?? Nothing} {until} {string.Join(',', peer.AllowedIPs)}\n";
    }

    /// <summary>A line as a peer; null if it is none.</summary>
    internal static AdmittedPeer? FromLine(string line)
    {
        if (
            line.Split(' ') is not [var keyText, var name, var untilText, var networkText]
            || !PublicKey.TryParse(keyText, out var key)
            || (name != Nothing && !ConfigurationName.TryValidate(name, out _))
        )
        {
            return null;
        }

        DateTimeOffset? until = null;
        if (uint.TryParse(untilText, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
        {
            until = DateTimeOffset.FromUnixTimeSeconds(seconds);
        }
        else if (untilText != Nothing)
        {
            return null;
        }

        var networks = new List<IpPrefix>();
        foreach (var text in networkText.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!IpPrefix.TryParse(text, out var network, out _, out _))
            {
                return null;
            }

            networks.Add(network);
        }

        var peer = new PeerConfig
        {
            Name = name == Nothing ? null : name,
            PublicKey = key,
            AllowedIPs = [.. networks.Distinct()],
        };
        return new AdmittedPeer(peer, until);
    }

    private List<AdmittedPeer> Load(string tunnel)
    {
        var path = Path.Combine(_directory, tunnel);
        return FileStatus.OfEntry(path) is null
            ? []
            :
            [
                .. Encoding
                    .UTF8.GetString(RegularFile.Read(path, MaxLength, followLink: false))
                    .Split('\n')
                    .Select(FromLine)
                    .OfType<AdmittedPeer>()
                    .DistinctBy(a => a.Peer.PublicKey),
            ];
    }
}
