// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using UdpTunnel.Linux;

namespace UdpTunnel.Tests.Linux;

public sealed class SocketDiagnosisTests
{
    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public void The_user_at_the_other_end_of_a_connection_within_this_host_is_known(string address)
    {
        using var listener = new Socket(IPAddress.Parse(address).AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Parse(address), 0));
        listener.Listen();
        using var client = new Socket(listener.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(listener.LocalEndPoint!);
        using var served = listener.Accept();

        var user = SocketDiagnosis.UserOfPeer(served);

        Assert.SkipWhen(user is null, "this kernel has no tcp_diag");
        Assert.Equal(OwnUser(), user);
    }

    [Fact]
    public void Of_another_kind_of_socket_no_user_is_known()
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

        Assert.Null(SocketDiagnosis.UserOfPeer(socket));
    }

    private static uint OwnUser() =>
        uint.Parse(
            File.ReadLines("/proc/self/status")
                .Single(line => line.StartsWith("Uid:", StringComparison.Ordinal))
                .Split('\t')[2]
        );
}
