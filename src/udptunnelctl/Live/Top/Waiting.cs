// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Output;
using UdpTunnel.Cli.Output.Relays;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Live.Top;

/// <summary>A sender or a peer that waits for approval; one of the two is there.</summary>
internal sealed record Waiting(Sender? Sender, TunnelPeer? Peer = null)
{
    /// <summary>How it is named: by its key, or by its address if it has none.</summary>
    public string Identity => Peer?.PublicKey ?? RelayText.Identity(Sender!);

    /// <summary>Whether it has a key, which can be remembered.</summary>
    public bool HasKey => Peer is not null || Sender!.Fingerprint.Length > 0;

    /// <summary>Where it comes from.</summary>
    public string Address => Peer?.Endpoint ?? Sender!.Address;

    /// <summary>Name of the relay or tunnel.</summary>
    public string Place => Peer?.Tunnel ?? Sender!.Relay;

    /// <summary>Since when; null if that is not known.</summary>
    public DateTimeOffset? Since => TimeText.Of(Peer?.Since ?? Sender?.Since);
}
