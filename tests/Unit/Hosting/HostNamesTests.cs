// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Hosting;

namespace UdpTunnel.Tests.Hosting;

public sealed class HostNamesTests
{
    [Fact]
    public async Task Of_two_who_take_one_name_at_once_exactly_one_gets_it_a_thousand_times()
    {
        var names = new HostNames();
        for (var i = 0; i < 1000; i++)
        {
            using var start = new Barrier(2);
            var taken = await Task.WhenAll(Try("tunnel"), Try("relay"));

            Assert.Single(taken, won => won);
            names.GiveBack("same");

            Task<bool> Try(string kind) =>
                Task.Run(() =>
                {
                    start.SignalAndWait();
                    try
                    {
                        names.Take("same", kind);
                        return true;
                    }
                    catch (RequestException e) when (e.Fault == Fault.NameTaken)
                    {
                        return false;
                    }
                });
        }
    }

    [Fact]
    public void A_name_that_was_given_back_is_free_for_the_other_kind()
    {
        var names = new HostNames();
        names.Take("a", "tunnel");
        Assert.Contains(
            "a tunnel named a",
            Assert.Throws<RequestException>(() => names.Take("a", "relay")).Message,
            StringComparison.Ordinal
        );
        names.GiveBack("a");

        names.Take("a", "relay");
    }
}
