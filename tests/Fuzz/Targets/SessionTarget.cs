// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using UdpTunnel.Filter;
using UdpTunnel.State;

namespace UdpTunnel.Tests.Fuzz.Targets;

/// <summary>
/// Session files: no text throws, no flow in it is older than flows may live, and what is written is read as the same.
/// </summary>
internal sealed class SessionTarget : IFuzzTarget
{
    /// <inheritdoc/>
    public string Name => "session";

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Words { get; } =
        AllTargets.Words(
            "udptunnel-session 1 ",
            "udptunnel-session 2 ",
            "peer ",
            "flow in tcp ",
            "flow out udp ",
            "10.0.0.2:40000",
            "[2001:db8::1%3]:5",
            " 299",
            " 2592000",
            " opening",
            " finished",
            "\n",
            ":0",
            ":65536",
            "4294967295",
            "4294967296",
            "0x7f.1:5",
            "[::ffff:1.2.3.4]:9"
        );

    /// <inheritdoc/>
    public IEnumerable<byte[]> Seeds(Random random) =>
        AllTargets.Words(
            "udptunnel-session 1 1764000000\npeer 192.0.2.7:40112\nflow in tcp 10.0.0.2:40000 10.0.0.1:22 12\n",
            "udptunnel-session 1 0\npeer [2001:db8::7]:1\nflow out udp 255.255.255.255:65535 0.0.0.0:0 299\nflow in tcp 1.2.3.4:5 6.7.8.9:10 0\n",
            "udptunnel-session 2 1764000000\n"
        );

    /// <inheritdoc/>
    public void Try(ReadOnlySpan<byte> input)
    {
        if (SessionText.Read(Encoding.UTF8.GetString(input)) is not { } session)
        {
            return;
        }

        Assert.All(session.Flows, flow => Assert.InRange(flow.Age, 0u, FlowLifetimes.Longest - 1));
        Assert.True(session.Peer is null or { Port: > 0 });
        var again = SessionText.Read(SessionText.Write(session));
        Assert.NotNull(again);
        Assert.Equal(session.Saved, again.Saved);
        Assert.Equal(session.Peer, again.Peer);
        Assert.Equal(session.Flows, again.Flows);
    }

    /// <inheritdoc/>
    public void Dispose() { }
}
