// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Filter;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;
using UdpTunnel.Relay;

namespace UdpTunnel.Tests.Relay;

public sealed class ServiceTargetsTests
{
    private readonly RelayServices _shared = new(
        new EventLog(TimeProvider.System, NullLogger<EventLog>.Instance),
        TimeProvider.System,
        () => throw new InvalidOperationException(),
        () => { },
        new Supervised(NullLogger<Supervised>.Instance),
        new HostAddresses(() => [])
    );

    [Fact]
    public void A_port_of_the_receiver_finds_its_service_and_a_sole_service_takes_any()
    {
        using var several = Of("192.0.2.1:27015-27017", "53=192.0.2.2:5353");
        Assert.Equal(IPEndPoint.Parse("192.0.2.1:27016"), several.Find(27016)!.Current!.Address);
        Assert.Equal(IPEndPoint.Parse("192.0.2.2:5353"), several.Find(53)!.Current!.Address);
        Assert.Null(several.Find(27018));
        Assert.Null(several.Find(27014));
        Assert.Null(several.Find(0));

        using var sole = Of("192.0.2.1:7000");
        Assert.Equal(IPEndPoint.Parse("192.0.2.1:7000"), sole.Find(0)!.Current!.Address);
        Assert.Same(sole.Find(0), sole.Find(9));
    }

    [Fact]
    public void One_port_that_refuses_is_named_and_its_neighbour_stays_where_it_is()
    {
        using var targets = Of("192.0.2.1:7000-7001");
        var (first, second) = (targets.Find(7000)!, targets.Find(7001)!);
        IPAddress[] addresses = [IPAddress.Parse("192.0.2.1"), IPAddress.Parse("192.0.2.9")];
        first.Choose(addresses);
        second.Choose(addresses);
        Assert.Equal("", targets.ServiceProblem(1000));

        second.OnRequest(1000);
        second.OnError(second.Current!, Errno.ConnectionRefused, 1000);

        Assert.Equal(IPEndPoint.Parse("192.0.2.1:7000"), first.Current!.Address);
        Assert.Equal(IPEndPoint.Parse("192.0.2.9:7001"), second.Current!.Address);
        Assert.StartsWith("192.0.2.1:7001: nobody listens at 192.0.2.1:7001", targets.ServiceProblem(1001));
        Assert.Contains("192.0.2.9:7001", Assert.Single(targets.TakeNews()), StringComparison.Ordinal);
        Assert.Empty(targets.TakeNews());
    }

    [Fact]
    public void A_sole_service_needs_no_name_in_front_of_its_problem()
    {
        using var targets = Of("192.0.2.1:7000");
        var service = targets.Find(0)!;
        service.OnError(service.Current!, Errno.ConnectionRefused, 1000);
        Assert.StartsWith("nobody listens at 192.0.2.1:7000", targets.ServiceProblem(1001));
    }

    [Fact]
    public void A_service_that_a_change_leaves_alone_keeps_its_place_whatever_the_receivers_port()
    {
        var before = Of("192.0.2.1:7000", "192.0.2.2:53");
        var stays = before.Find(53);
        using var after = new ServiceTargets(Read("192.0.2.3:7000", "5353=192.0.2.2:53"), "relay", _shared, before);
        before.Dispose();

        Assert.Same(stays, after.Find(5353));
        Assert.NotSame(before.Find(7000), after.Find(7000));
        Assert.Equal(IPEndPoint.Parse("192.0.2.3:7000"), after.Find(7000)!.Current!.Address);
    }

    [Fact]
    public void A_new_port_of_a_known_host_has_its_address_before_the_name_is_looked_up()
    {
        var before = Of("host.invalid:7000");
        before.Find(0)!.MoveTo(IPAddress.Parse("192.0.2.7"));
        using var after = new ServiceTargets(Read("host.invalid:7000-7001"), "relay", _shared, before);
        before.Dispose();

        Assert.Equal(IPEndPoint.Parse("192.0.2.7:7001"), after.Find(7001)!.Current!.Address);
        Assert.True(after.LookUps >= before.LookUps);
    }

    private static UdpServiceList Read(params string[] services) =>
        [
            .. services.Select(s =>
                UdpService.TryParse(s, out var service, out var error) ? service : throw new ArgumentException(error)
            ),
        ];

    private ServiceTargets Of(params string[] services) => new(Read(services), "relay", _shared);
}
