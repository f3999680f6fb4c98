// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Config;
using UdpTunnel.Linux;
using UdpTunnel.Relay;

namespace UdpTunnel.Tests.Relay;

public sealed class ServicePlaceTests
{
    private static readonly IPAddress First = IPAddress.IPv6Loopback;
    private static readonly IPAddress Second = IPAddress.Loopback;

    private readonly ServicePlace _service = new(Read("localhost:7000"));

    [Fact]
    public void An_address_where_nobody_listens_gives_way_to_the_next_one_and_says_so()
    {
        LookUp(First, Second);
        Refuse(1000);

        Assert.Equal(Second, _service.Current!.Address.Address);
        var news = _service.TakeNews();
        Assert.Contains("nobody listens at [::1]:7000", news, StringComparison.Ordinal);
        Assert.Contains("127.0.0.1:7000", news, StringComparison.Ordinal);
        Assert.Null(_service.TakeNews());

        // The next look-up stays with it, until the name has lost it.
        LookUp(First, Second);
        Assert.Equal(Second, _service.Current!.Address.Address);
        LookUp(First);
        Assert.Equal(First, _service.Current!.Address.Address);
    }

    [Fact]
    public void The_only_address_stays_and_the_problem_is_named_until_an_answer_comes()
    {
        LookUp(Second);
        var place = _service.Current;
        _service.OnRequest(1000);
        Refuse(1000);

        Assert.Same(place, _service.Current);
        Assert.Contains("nobody listens at 127.0.0.1:7000", _service.ServiceProblem(1001), StringComparison.Ordinal);
        Assert.True(_service.IsTroubled(1001));
        _service.OnAnswer(2000);
        Assert.Equal("", _service.ServiceProblem(2001));
        Assert.False(_service.IsTroubled(2001));
    }

    [Fact]
    public void A_service_that_answered_and_answers_no_more_is_looked_up_again_and_one_that_never_did_is_not()
    {
        LookUp(Second);
        _service.OnRequest(1000);
        _service.OnRequest(9000);
        Assert.False(_service.IsTroubled(9001));

        _service.OnAnswer(9002);
        _service.OnRequest(10_000);
        Assert.False(_service.IsTroubled(10_900));
        _service.OnRequest(11_000);
        Assert.True(_service.IsTroubled(11_001));

        // Nobody asks any more.
        Assert.False(_service.IsTroubled(20_000));
    }

    [Fact]
    public void Answers_from_elsewhere_are_named_with_the_word_that_lets_them_in()
    {
        LookUp(Second);
        var asked = _service.Current!.Endpoint;
        _service.OnForeign(Of("127.0.0.1:1234"), asked, 5000);
        Assert.Contains("any-port", _service.ServiceProblem(5001), StringComparison.Ordinal);
        _service.OnForeign(Of("127.0.0.2:7000"), asked, 9000);
        Assert.Contains("127.0.0.2:7000", _service.ServiceProblem(9001), StringComparison.Ordinal);
        Assert.Contains("\"any\"", _service.ServiceProblem(9001), StringComparison.Ordinal);
        Assert.Equal("", _service.ServiceProblem(100_000));
    }

    [Fact]
    public void Broadcast_and_multicast_are_known_as_many_hosts()
    {
        Assert.True(new ServicePlace.Place(IPEndPoint.Parse("255.255.255.255:9")).IsGroup);
        Assert.True(new ServicePlace.Place(IPEndPoint.Parse("239.1.2.3:9")).IsGroup);
        Assert.True(new ServicePlace.Place(IPEndPoint.Parse("[ff02::1]:9")).IsGroup);
        Assert.False(new ServicePlace.Place(IPEndPoint.Parse("127.0.0.1:9")).IsGroup);
        Assert.False(new ServicePlace.Place(IPEndPoint.Parse("192.0.2.1:9")).IsGroup);
    }

    private void LookUp(params IPAddress[] addresses) => _service.Choose(addresses);

    private void Refuse(long now) => _service.OnError(_service.Current!, Errno.ConnectionRefused, now);

    private static Endpoint Of(string endpoint) => Endpoint.From(IPEndPoint.Parse(endpoint), ServiceSocket.IsDualStack);

    private static HostPort Read(string text) =>
        HostPort.TryParse(text, out var address, out _) ? address : throw new ArgumentException(text);
}
