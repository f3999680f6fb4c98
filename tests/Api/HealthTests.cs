// SPDX-License-Identifier: BSD-3-Clause

using Grpc.Core;
using Grpc.Health.V1;
using UdpTunnel.Tests.Api.Daemon;
using static Grpc.Health.V1.HealthCheckResponse.Types;

namespace UdpTunnel.Tests.Api;

/// <summary>grpc.health.v1; what it says when the daemon stops is in <see cref="ShutdownTests"/>.</summary>
public sealed class HealthTests(DaemonFixture fixture) : IClassFixture<DaemonFixture>
{
    private Health.HealthClient Client => fixture.Channel.Health;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_daemon_and_each_of_its_services_serve()
    {
        foreach (var service in (string[])["", .. ServiceDescriptors.All.Select(s => s.FullName)])
        {
            var answer = await Client.CheckAsync(
                new HealthCheckRequest { Service = service },
                cancellationToken: Cancellation
            );
            Assert.Equal(ServingStatus.Serving, answer.Status);
        }
    }

    [Theory]
    [InlineData("nobody")]
    [InlineData("udptunnel.v1")]
    [InlineData("a\nb\u001b[2J")]
    public async Task A_service_that_is_not_there_is_not_found(string service)
    {
        var failure = await Failure.OfAsync(
            Client.CheckAsync(new HealthCheckRequest { Service = service }, cancellationToken: Cancellation)
        );

        Assert.Equal(StatusCode.NotFound, failure.Code);
        Assert.DoesNotContain(failure.Message, char.IsControl);
    }

    [Fact]
    public async Task A_watch_of_a_service_that_is_not_there_stays_open_and_says_so()
    {
        using var call = Client.Watch(new HealthCheckRequest { Service = "nobody" }, cancellationToken: Cancellation);

        Assert.True(await call.ResponseStream.MoveNext(Cancellation));
        Assert.Equal(ServingStatus.ServiceUnknown, call.ResponseStream.Current.Status);

        // Nothing more comes: what is sent and answered after it overtakes nothing on the same connection.
        var next = call.ResponseStream.MoveNext(Cancellation);
        await Client.CheckAsync(new HealthCheckRequest(), cancellationToken: Cancellation);
        Assert.False(next.IsCompleted);
    }
}
