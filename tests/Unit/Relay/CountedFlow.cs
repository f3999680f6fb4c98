// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Relay.Link;

namespace UdpTunnel.Tests.Relay;

/// <summary>A flow that counts the datagrams that its connection has taken.</summary>
internal sealed class CountedFlow(uint id = 1) : QueuedFlow(id, [])
{
    public int Sent { get; private set; }

    public override void OnSent(int bytes) => Sent++;
}
