// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Hosting;

namespace UdpTunnel.Tests.Hosting;

public sealed class NameAddressesTests
{
    private readonly NameAddresses _addresses = new();

    [Fact]
    public void The_families_take_turns_beginning_with_that_of_the_first()
    {
        Assert.Equal(
            Of("2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2", "2001:db8::3"),
            NameAddresses.Interleave(
                Of("2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::1", "192.0.2.1", "192.0.2.2")
            )
        );
        Assert.Equal(Of("192.0.2.1", "2001:db8::1"), NameAddresses.Interleave(Of("192.0.2.1", "2001:db8::1")));
        Assert.Empty(NameAddresses.Interleave([]));
    }

    [Fact]
    public void The_first_answer_is_used_unless_the_one_in_use_is_still_there()
    {
        Assert.Equal(IPAddress.Parse("192.0.2.1"), _addresses.Take(Of("192.0.2.1", "192.0.2.2")));
        Assert.Equal(IPAddress.Parse("192.0.2.1"), _addresses.Take(Of("192.0.2.2", "192.0.2.1")));
        Assert.Equal(IPAddress.Parse("192.0.2.3"), _addresses.Take(Of("192.0.2.3")));
        Assert.Null(_addresses.Take([]));
        Assert.Equal(IPAddress.Parse("192.0.2.3"), _addresses.Current);
    }

    [Fact]
    public void One_that_does_not_work_is_left_for_the_next_once()
    {
        _ = _addresses.Take(Of("192.0.2.1", "192.0.2.2"));

        Assert.Equal(IPAddress.Parse("192.0.2.2"), _addresses.Leave(IPAddress.Parse("192.0.2.1")));
        Assert.Null(_addresses.Leave(IPAddress.Parse("192.0.2.1")));
        Assert.Equal(IPAddress.Parse("192.0.2.1"), _addresses.Leave(IPAddress.Parse("192.0.2.2")));
    }

    private static IPAddress[] Of(params string[] addresses) => [.. addresses.Select(IPAddress.Parse)];
}
