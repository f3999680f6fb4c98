// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Config;
using UdpTunnel.Filter;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;
using UdpTunnel.WireGuard;

namespace UdpTunnel.Tunnel.Secure;

/// <summary>
/// The peers of a tunnel as its configuration has them, each with its number and its place in the protocol. For the
/// thread that looks after the tunnel; what touches the protocol is done on the worker, a few peers at a time.
/// </summary>
/// <param name="transport">The protocol.</param>
/// <param name="udp">The socket.</param>
/// <param name="strangers">Where somebody waits who becomes a peer.</param>
/// <param name="onWorker">Has the worker do something, and waits for it.</param>
internal sealed class PeerTable(SecureTransport transport, IUdp udp, Strangers strangers, Action<Action> onWorker)
{
    // Peers that are changed in one turn of the worker: each costs an agreement of keys, 50 µs, for which all its
    // tunnels wait.
    private const int PeersPerTurn = 16;

    private readonly Dictionary<PublicKey, SecurePeer> _byKey = [];
    private readonly HashSet<ushort> _numbers = [];
    private SecurePeer[] _all = [];
    private ushort _lastNumber;

    /// <summary>All, in the order of the configuration. For any thread.</summary>
    public IReadOnlyList<SecurePeer> All => Volatile.Read(ref _all);

    /// <summary>Grows with each change.</summary>
    public long Changes { get; private set; }

    /// <summary>The peer with a key; null if there is none.</summary>
    public SecurePeer? Find(PublicKey key) => _byKey.GetValueOrDefault(key);

    /// <summary>Makes the peers those of a configuration. A peer that stays keeps its sessions.</summary>
    /// <returns>Those whose endpoint is another one now.</returns>
    /// <exception cref="RequestException">One of them cannot be a peer; nothing was changed.</exception>
    public IReadOnlyList<SecurePeer> Set(ValueList<PeerConfig> wanted)
    {
        var keys = wanted.Select(peer => peer.PublicKey).ToHashSet();
        var fresh = wanted.Where(peer => !_byKey.ContainsKey(peer.PublicKey)).ToList();
        var added = new List<SecurePeer>();
        try
        {
            foreach (var some in fresh.Chunk(PeersPerTurn))
            {
                onWorker(() => added.AddRange(some.Select(Add)));
            }
        }
        catch (RequestException)
        {
            added.ForEach(Remove);
            throw;
        }

        // Networks that go from one peer to another are never without an owner: they are given before others are taken.
        foreach (var some in wanted.Chunk(PeersPerTurn))
        {
            onWorker(() => Array.ForEach(some, GiveNetworks));
        }

        var moved = wanted.Where(config => config.Endpoint != _byKey[config.PublicKey].Config.Endpoint).ToList();
        foreach (var some in wanted.Chunk(PeersPerTurn))
        {
            onWorker(() => Array.ForEach(some, Change));
        }

        _byKey.Values.Where(peer => !keys.Contains(peer.Config.PublicKey)).ToList().ForEach(Remove);

        Volatile.Write(ref _all, [.. wanted.Select(config => _byKey[config.PublicKey])]);
        Changes++;
        return [.. moved.Select(config => _byKey[config.PublicKey])];
    }

    /// <summary>
    /// Takes another key for this end. Peers have to know it before they can be sent to again; what they send with the
    /// sessions that there are still arrives.
    /// </summary>
    public void SetKey(SecretKey key)
    {
        IReadOnlyList<WireGuard.Peer> removed = [];
        onWorker(() => removed = transport.Engine.SetIdentity(LocalIdentity.Import(key.Bytes)));
        foreach (var peer in removed)
        {
            Remove((SecurePeer)peer.Tag!);
        }
    }

    /// <summary>Says where a peer is. On the worker.</summary>
    public void SetEndpoint(SecurePeer peer, IPEndPoint address)
    {
        var endpoint = udp.ToEndpoint(address);
        peer.Wire.SetEndpoint(endpoint);
        peer.Move(endpoint);
    }

    /// <summary>Ends all look-ups.</summary>
    public void EndLookUps()
    {
        foreach (var peer in _byKey.Values)
        {
            peer.LookUp?.Dispose();
        }
    }

    /// <summary>On the worker.</summary>
    private SecurePeer Add(PeerConfig config)
    {
        var peer = strangers.Release(config.PublicKey) ?? Make(config);
        do
        {
            _lastNumber++;
        } while (_lastNumber == 0 || !_numbers.Add(_lastNumber));

        peer.Number = _lastNumber;
        _byKey.Add(config.PublicKey, peer);
        return peer;
    }

    /// <summary>On the worker.</summary>
    private SecurePeer Make(PeerConfig config)
    {
        var refusal = transport.Engine.AddPeer(config.PublicKey, default, out var wire);
        if (wire is null)
        {
            var reason = refusal switch
            {
                PeerRefusal.OwnKey => "has this end's own public key",
                PeerRefusal.WeakKey => "has a public key that protects nothing",
                PeerRefusal.Known => "is there twice",
                _ => "is one too many",
            };
            throw new RequestException(Fault.InvalidRequest, $"the peer {config.DisplayName} {reason}");
        }

        return SecurePeer.Of(config.PublicKey, wire);
    }

    private void Remove(SecurePeer peer)
    {
        peer.LookUp?.Dispose();
        peer.LookUp = null;
        onWorker(() => transport.Engine.RemovePeer(peer.Wire));
        _byKey.Remove(peer.Config.PublicKey);
        _numbers.Remove(peer.Number);
    }

    /// <summary>On the worker.</summary>
    private void GiveNetworks(PeerConfig config)
    {
        var peer = _byKey[config.PublicKey];
        if (!config.AllowedIPs.Equals(peer.Config.AllowedIPs))
        {
            foreach (var prefix in config.AllowedIPs)
            {
                transport.Engine.AddAllowedIp(peer.Wire, prefix);
            }
        }
    }

    /// <summary>Makes a peer as the file has it. On the worker.</summary>
    private void Change(PeerConfig config)
    {
        var peer = _byKey[config.PublicKey];
        var before = peer.Config;
        peer.Config = config;
        peer.Ports =
            config.AllowedPorts is not { } ports ? null
            : ports == before.AllowedPorts ? peer.Ports
            : new PortBitmap(ports);
        if (!config.AllowedIPs.Equals(before.AllowedIPs))
        {
            transport.Engine.SetAllowedIps(peer.Wire, config.AllowedIPs);
        }

        if (!Equals(config.PresharedKey, before.PresharedKey))
        {
            peer.Wire.SetPresharedKey(config.PresharedKey is { } shared ? shared.Bytes : new byte[SecretKey.Size]);
        }

        if (config.Endpoint is { } endpoint && endpoint != before.Endpoint && !EndpointLookUp.Needs(endpoint))
        {
            _ = endpoint.TryGetAddress(out var address);
            SetEndpoint(peer, new IPEndPoint(address!, endpoint.Port));
        }

        // The first keepalive goes to the endpoint at once.
        transport.Engine.SetPersistentKeepalive(peer.Wire, (int)config.PersistentKeepalive.TotalSeconds);
    }
}
