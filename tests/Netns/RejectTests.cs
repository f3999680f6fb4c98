// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Netns;

/// <summary>What the filter does not let pass is refused at once, where the file says so.</summary>
public sealed class RejectTests
{
    private const int NotAllowed = 6001;

    [Fact]
    public async Task What_is_not_allowed_is_refused_at_once_and_a_forgotten_connection_is_reset()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync(
            server: file => file with { Reject = true, TcpIdleTimeout = 3, UdpIdleTimeout = 3 },
            client: file => file with { Reject = true }
        );
        using var connection = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1");
        await TcpPair.SayAsync(connection.Accepted, connection.Dialled);

        // By the end of whoever asks, before anything is sent.
        var watch = Stopwatch.StartNew();
        using var dialled = lab.Client.Open(SocketType.Stream);
        var refused = await Assert.ThrowsAsync<SocketException>(() =>
            dialled
                .ConnectAsync(
                    new IPEndPoint(IPAddress.Parse("10.0.0.1"), NotAllowed),
                    TestContext.Current.CancellationToken
                )
                .AsTask()
        );
        Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);
        using var datagrams = lab.Client.Open(SocketType.Dgram);
        await datagrams.ConnectAsync(
            new IPEndPoint(IPAddress.Parse("10.0.0.1"), NotAllowed),
            TestContext.Current.CancellationToken
        );
        await datagrams.SendAsync("anybody?"u8.ToArray());
        refused = await Assert.ThrowsAsync<SocketException>(() => datagrams.ReceiveAsync(new byte[10]));
        Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(1), $"it took {watch.Elapsed}");

        // Silent for longer than this file allows: who speaks is told, instead of speaking into the void for a quarter
        // of an hour.
        await lab.Server.Control.WaitForAsync("t", s => s.Counter("flows") == 0, "the connection to be forgotten");
        await connection.Accepted.SendAsync("news"u8.ToArray());
        var reset = await Assert.ThrowsAsync<SocketException>(() => connection.Accepted.ReceiveAsync(new byte[10]));
        Assert.Equal(SocketError.ConnectionReset, reset.SocketErrorCode);
    }

    [Fact]
    public async Task What_only_the_other_end_does_not_allow_is_refused_by_that_end()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync(
            server: file => file with { Reject = true },
            client: file => file with { AllowedPorts = [.. file.AllowedPorts, NotAllowed] }
        );

        using var dialled = lab.Client.Open(SocketType.Stream);
        var watch = Stopwatch.StartNew();
        var refused = await Assert.ThrowsAsync<SocketException>(() =>
            dialled
                .ConnectAsync(
                    new IPEndPoint(IPAddress.Parse("10.0.0.1"), NotAllowed),
                    TestContext.Current.CancellationToken
                )
                .AsTask()
        );

        Assert.Equal(SocketError.HostUnreachable, refused.SocketErrorCode);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(1), $"it took {watch.Elapsed}");
    }
}
