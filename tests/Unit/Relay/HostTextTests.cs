// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Text;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Tests.Relay;

public sealed class HostTextTests
{
    [Theory]
    [InlineData("192.0.2.9:6101", 0, "192.0.2.9:6101")]
    [InlineData("[2001:db8::9]:6103", 0, "[2001:db8::9]:6103")]
    [InlineData("[fe80::1]:6105", 7, "[fe80::1%link7]:6105")]
    public void A_client_is_named_as_the_predecessor_names_it(string address, long scope, string expected)
    {
        var client = IPEndPoint.Parse(address);
        if (scope != 0)
        {
            client.Address.ScopeId = scope;
        }

        Assert.Equal(expected, Encoding.UTF8.GetString(HostText.Make(client, index => $"link{index}")));
    }
}
