// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Linux;

namespace UdpTunnel.Relay.Flows;

/// <summary>One client of a receiver.</summary>
internal sealed class ReceiverFlow(uint id, in Endpoint endpoint, byte[] host, byte[] label, long now)
    : RelayFlow(id, label, now)
{
    private readonly Endpoint _endpoint = endpoint;

    /// <summary>Where the client is.</summary>
    public ref readonly Endpoint Endpoint => ref _endpoint;

    /// <summary>The socket that the client sends to; null for the only one.</summary>
    public ClientSocket? Socket { get; set; }

    /// <inheritdoc/>
    public override int Port => Socket?.Port ?? 0;

    /// <summary>The address of this host that the client asked last; none where the kernel needs no help.</summary>
    public SourceAddress Local { get; set; }

    /// <summary>The client's name in the classic protocol; empty in the other.</summary>
    public byte[] Host { get; } = host;

    /// <inheritdoc/>
    public override string Client => _endpoint.ToString();

    /// <summary>Its chain in the batch that is being sent.</summary>
    public BatchChain Chain;

    /// <inheritdoc/>
    public override void OnSent(int bytes) => CountToService(bytes);
}
