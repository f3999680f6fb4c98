// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Harness.Proxy;

/// <summary>What a proxy did to the datagrams of one direction.</summary>
internal readonly record struct PathCounts(long Received, long Dropped, long Flipped, long Doubled, long Swapped);
