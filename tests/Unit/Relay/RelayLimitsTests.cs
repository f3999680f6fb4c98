// SPDX-License-Identifier: BSD-3-Clause

using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Filter;
using UdpTunnel.Hosting;
using UdpTunnel.Relay;

namespace UdpTunnel.Tests.Relay;

public sealed class RelayLimitsTests
{
    private static readonly RelayConfig Config = (RelayConfig)
        ConfigFile
            .Parse(
                """{"Relay": "receiver", "UdpAddress": ":53", "TcpAddress": ":5353", "Name": "dns", "MaxFlows": 7}"""u8.ToArray(),
                null
            )
            .Configuration!;

    private readonly FakeTimeProvider _time = new();
    private readonly EventLog _events;
    private readonly RelayLimits _limits;

    public RelayLimitsTests()
    {
        _events = new EventLog(_time, NullLogger<EventLog>.Instance);
        var services = new RelayServices(
            _events,
            _time,
            () => throw new InvalidOperationException(),
            () => { },
            new Supervised(NullLogger<Supervised>.Instance),
            new HostAddresses(() => [])
        );
        _limits = new RelayLimits(services, Config.Name);
    }

    [Theory]
    [InlineData((int)RelayDropReason.FlowLimit, (int)Limit.Flows)]
    [InlineData((int)RelayDropReason.FlowRate, (int)Limit.FlowRate)]
    [InlineData((int)RelayDropReason.QueueFull, (int)Limit.Queue)]
    [InlineData((int)RelayDropReason.PendingLimit, (int)Limit.PendingSenders)]
    [InlineData((int)RelayDropReason.NoDescriptors, (int)Limit.Descriptors)]
    [InlineData((int)RelayDropReason.BufferFull, (int)Limit.ReceiveBuffer)]
    public void What_is_dropped_for_a_bound_is_told_as_that_bound(int reason, int limit)
    {
        _limits.Look(Status((RelayDropReason)reason, 3));
        _limits.Look(Status((RelayDropReason)reason, 9));

        var e = Assert.Single(_events.After(0));
        Assert.Equal((EventKind.LimitReached, "dns", (Limit)limit), (e.Kind, e.Tunnel, e.Limit));
        Assert.EndsWith("(3 so far)", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData((int)RelayDropReason.NotApproved)]
    [InlineData((int)RelayDropReason.UnknownFlow)]
    [InlineData((int)RelayDropReason.SendFailed)]
    [InlineData((int)RelayDropReason.TooBig)]
    [InlineData((int)RelayDropReason.ProtocolError)]
    public void What_is_dropped_for_another_reason_is_no_bound(int reason)
    {
        _limits.Look(Status((RelayDropReason)reason, 3));

        Assert.Empty(_events.After(0));
    }

    private static RelayStatus Status(RelayDropReason reason, long packets) =>
        new()
        {
            Config = Config,
            State = RelayState.Waiting,
            Drops = [(reason, packets)],
        };
}
