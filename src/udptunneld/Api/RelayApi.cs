// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using UdpTunnel.Config;
using UdpTunnel.Hosting;
using UdpTunnel.Relay;
using UdpTunnel.Relay.Approval;
using UdpTunnel.V1;

namespace UdpTunnel.Api;

/// <summary>The relays over gRPC: checks requests, translates, and holds no logic of its own.</summary>
internal sealed class RelayApi(RelayHost host, Watchers watchers, TimeProvider time) : RelayService.RelayServiceBase
{
    /// <inheritdoc/>
    public override async Task<StartRelayResponse> StartRelay(StartRelayRequest request, ServerCallContext context)
    {
        var (config, warnings) = Parse(request.Configuration, request.Name);
        var status = await host.StartAsync(config, request.Ephemeral, context.CancellationToken);
        return new StartRelayResponse
        {
            Relay = RelayConvert.ToRelay(status),
            Warnings = { warnings.Select(Convert.ToDiagnostic) },
        };
    }

    /// <inheritdoc/>
    public override async Task<StopRelayResponse> StopRelay(StopRelayRequest request, ServerCallContext context)
    {
        var (last, remembered) = await host.StopAsync(Required(request.Name, "name"), context.CancellationToken);
        return new StopRelayResponse { Relay = RelayConvert.ToRelay(last), RememberedSenders = (uint)remembered };
    }

    /// <inheritdoc/>
    public override async Task<ReloadRelayResponse> ReloadRelay(ReloadRelayRequest request, ServerCallContext context)
    {
        var name = Required(request.Name, "name");
        var (config, warnings) = Parse(request.Configuration, name);
        var changes = request.DryRun
            ? host.Compare(name, config)
            : await host.ReloadAsync(name, config, request.AllowRestart, context.CancellationToken);
        return new ReloadRelayResponse
        {
            Applied = !request.DryRun && changes.Count > 0,
            Changes = { changes.Select(Convert.ToChange) },
            Warnings = { warnings.Select(Convert.ToDiagnostic) },
        };
    }

    /// <inheritdoc/>
    public override Task<ListRelaysResponse> ListRelays(ListRelaysRequest request, ServerCallContext context) =>
        Task.FromResult(
            new ListRelaysResponse { Relays = { host.List(Names(request.Names)).Select(RelayConvert.ToRelay) } }
        );

    /// <inheritdoc/>
    public override async Task WatchRelays(
        WatchRelaysRequest request,
        IServerStreamWriter<WatchRelaysResponse> responseStream,
        ServerCallContext context
    )
    {
        var interval = RequestedTime.WatchInterval.Read(request.Interval);
        using var watcher = watchers.Enter(context);
        var relays = host.List(Names(request.Names));
        var names = request.Names.ToHashSet();
        using var timer = new PeriodicTimer(interval, time);
        var changes = request.ChangesOnly ? new ChangedOnly() : null;
        for (var isFirst = true; ; isFirst = false)
        {
            IReadOnlyList<V1.Relay> seen = [.. relays.Select(RelayConvert.ToRelay)];
            IReadOnlyList<string> removed = [];
            seen = changes?.Take(seen, r => r.Name, out removed) ?? seen;
            if (isFirst || changes is null || seen.Count + removed.Count > 0)
            {
                var response = new WatchRelaysResponse
                {
                    Time = Timestamp.FromDateTimeOffset(time.GetUtcNow()),
                    Relays = { seen },
                    Removed = { removed },
                };
                await responseStream.WriteAsync(response, watcher.Stopped);
            }

            await timer.WaitForNextTickAsync(watcher.Stopped);
            relays = host.ListExisting(names);
        }
    }

    /// <inheritdoc/>
    public override Task<ListFlowsResponse> ListFlows(ListFlowsRequest request, ServerCallContext context)
    {
        var limit = FlowLimit.Read(request.Limit);
        var flows = host.FlowsOf(Required(request.Name, "name"));
        return Task.FromResult(
            new ListFlowsResponse
            {
                Flows = { flows.OrderBy(f => f.Idle).Take(limit).Select(RelayConvert.ToFlow) },
                Total = (uint)flows.Count,
            }
        );
    }

    /// <inheritdoc/>
    public override Task<ListSendersResponse> ListSenders(ListSendersRequest request, ServerCallContext context) =>
        Task.FromResult(
            new ListSendersResponse { Senders = { host.Senders.Of(request.Relay).Select(RelayConvert.ToSender) } }
        );

    /// <inheritdoc/>
    public override async Task WatchSenders(
        WatchSendersRequest request,
        IServerStreamWriter<WatchSendersResponse> responseStream,
        ServerCallContext context
    )
    {
        using var watcher = watchers.Enter(context);
        while (true)
        {
            // Taken before the snapshot, so that what changes while it is written is seen in the next. A slow client
            // misses what lies between.
            var changed = host.Senders.Changed;
            var response = new WatchSendersResponse
            {
                Senders = { host.Senders.Of(request.Relay).Select(RelayConvert.ToSender) },
            };
            await responseStream.WriteAsync(response, watcher.Stopped);
            await changed.WaitAsync(watcher.Stopped);
        }
    }

    /// <inheritdoc/>
    public override Task<ApproveSenderResponse> ApproveSender(ApproveSenderRequest request, ServerCallContext context)
    {
        var choice = new SenderChoice(Required(request.Sender, "sender"), request.Relay, request.All);
        var senders = host.Senders.Approve(choice, request.Once).Select(RelayConvert.ToSender).ToList();
        return Task.FromResult(new ApproveSenderResponse { Sender = senders[0], Senders = { senders } });
    }

    /// <inheritdoc/>
    public override Task<DenySenderResponse> DenySender(DenySenderRequest request, ServerCallContext context)
    {
        var choice = new SenderChoice(Required(request.Sender, "sender"), request.Relay, request.All);
        var senders = host.Senders.Deny(choice).Select(RelayConvert.ToSender).ToList();
        return Task.FromResult(new DenySenderResponse { Sender = senders[0], Senders = { senders } });
    }

    /// <inheritdoc/>
    public override Task<RevokeSenderResponse> RevokeSender(RevokeSenderRequest request, ServerCallContext context)
    {
        var choice = new SenderChoice(Required(request.Sender, "sender"), request.Relay);
        var senders = host.Senders.Revoke(choice).Select(RelayConvert.ToSender);
        return Task.FromResult(new RevokeSenderResponse { Senders = { senders } });
    }

    /// <inheritdoc/>
    public override Task<AcceptReceiverKeyResponse> AcceptReceiverKey(
        AcceptReceiverKeyRequest request,
        ServerCallContext context
    )
    {
        var name = Required(request.Name, "name");
        if (!KeyFingerprint.TryParse(request.Fingerprint, out var key, out var error))
        {
            throw new RequestException(Fault.InvalidRequest, error);
        }

        return Task.FromResult(
            new AcceptReceiverKeyResponse { Relay = RelayConvert.ToRelay(host.AcceptReceiverKey(name, key)) }
        );
    }

    private static string Required(string value, string what) =>
        value.Length > 0 ? value : throw new RequestException(Fault.InvalidRequest, $"the {what} is missing");

    private static RepeatedField<string> Names(RepeatedField<string> names) =>
        names.Count <= RelayHost.Capacity
            ? names
            : throw new RequestException(Fault.InvalidRequest, $"more than {RelayHost.Capacity} names");

    private static (RelayConfig Config, IEnumerable<Config.Diagnostic> Warnings) Parse(string text, string name)
    {
        if (name.Length > 0 && !ConfigurationName.TryValidate(name, out var error))
        {
            throw new RequestException(Fault.InvalidRequest, $"name: {error}");
        }

        var result = ConfigFile.Parse(Encoding.UTF8.GetBytes(text), name.Length > 0 ? name : null);
        return result.Configuration switch
        {
            RelayConfig config => (name.Length > 0 ? config with { Name = name } : config, result.Diagnostics),
            null => throw new RequestException(result.Diagnostics),
            _ => throw new RequestException(
                Fault.InvalidRequest,
                "this is the configuration of a tunnel, not of a relay"
            ),
        };
    }
}
