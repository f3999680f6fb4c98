// SPDX-License-Identifier: BSD-3-Clause

using System.Threading.Channels;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using UdpTunnel.Cli.Commands;
using UdpTunnel.Cli.Daemon;
using UdpTunnel.Cli.Failures;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Live.Top;

/// <summary>
/// One run of <c>top</c>: brings the daemon's streams, its answers and the keys together on one thread at a time, and
/// shows what comes of them. The daemon takes samples only while the streams are open.
/// </summary>
/// <param name="invocation">What was asked for.</param>
/// <param name="daemon">Who is watched.</param>
/// <param name="stream">Ends it.</param>
/// <param name="interval">Between two looks.</param>
internal sealed class TopSession(
    Invocation invocation,
    DaemonConnection daemon,
    InterruptibleStream stream,
    TimeSpan interval
)
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(1);

    /// <summary>Everything that changes the state, in the order in which it happened.</summary>
    private readonly Channel<Action> _inputs = Channel.CreateUnbounded<Action>(
        new UnboundedChannelOptions { SingleReader = true }
    );

    private readonly TopView _view = new(
        invocation.Colour,
        new Graph(invocation.Abilities.Blocks),
        invocation.Host.Time
    );

    private TopState _state = new();
    private bool _asking;
    private bool _quit;

    // Of the task that watches: a daemon that was never there is an error, not one to wait for.
    private bool _seen;

    /// <summary>Until the user ends it.</summary>
    /// <exception cref="CommandException">The daemon has ended before it said anything.</exception>
    /// <exception cref="RpcException">The daemon refused a stream.</exception>
    public async Task RunAsync()
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stream.Token);
        var watching = WatchAsync(ended.Token);
        try
        {
            await ShowAsync().ConfigureAwait(false);
        }
        finally
        {
            await ended.CancelAsync().ConfigureAwait(false);
            await watching.ConfigureAwait(false);
        }
    }

    /// <summary>Each input changes the state; what came at once is shown at once.</summary>
    private async Task ShowAsync()
    {
        ITerminal? terminal = null;
        try
        {
            while (!_quit && await _inputs.Reader.WaitToReadAsync(stream.Token).ConfigureAwait(false))
            {
                while (_inputs.Reader.TryRead(out var input))
                {
                    input();
                }

                // Not before the first snapshot: an error belongs on the ordinary screen, and senders alone are not
                // what there is.
                if (_state.Live.HasSnapshot)
                {
                    terminal ??= invocation.Host.TakeTerminal(
                        key => Post(() => Press(key)),
                        redraw: () => Post(() => { }),
                        keepLast: false
                    );
                    var size = terminal.Size;
                    _state = _view.Clamp(_state, size);
                    terminal.Show(_view.Render(_state, size));
                }
            }

            // Tells why the streams have ended, if they have.
            if (!_quit)
            {
                await _inputs.Reader.Completion.ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stream.Token.IsCancellationRequested) { }
        finally
        {
            terminal?.Dispose();
        }
    }

    private void Post(Action input) => _inputs.Writer.TryWrite(input);

    /// <summary>The streams of the daemon, and again when it is there again after it has gone.</summary>
    private async Task WatchAsync(CancellationToken cancellation)
    {
        try
        {
            while (true)
            {
                try
                {
                    await WatchOnceAsync(cancellation).ConfigureAwait(false);
                }
                catch (Exception e) when (_seen && IsGone(e))
                {
                    Post(() => _state = _state with { IsLost = true });
                }

                await Task.Delay(RetryInterval, cancellation).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is RpcException or CommandException or OperationCanceledException)
        {
            _inputs.Writer.TryComplete(e);
        }
    }

    private static bool IsGone(Exception e) =>
        e is CommandException || (e is RpcException failure && RpcFailure.StatusOf(failure) == StatusCode.Unavailable);

    /// <summary>Until the streams end.</summary>
    private async Task WatchOnceAsync(CancellationToken cancellation)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var senders = WatchSendersAsync(ended.Token);
        try
        {
            var options = new CallOptions(cancellationToken: ended.Token);
            var period = Duration.FromTimeSpan(interval);
            using var tunnels = daemon.Tunnels.WatchTunnels(new WatchTunnelsRequest { Interval = period }, options);
            using var relays = daemon.Relays.WatchRelays(new WatchRelaysRequest { Interval = period }, options);
            using var both = new InventoryStream(tunnels.ResponseStream, relays.ResponseStream);
            while (await both.MoveNext(ended.Token).ConfigureAwait(false))
            {
                var snapshot = both.Current;
                var time = both.Time ?? invocation.Host.Time.GetUtcNow();
                _seen = true;
                Post(() => Take(snapshot, time));
            }

            throw stream.DaemonEnded();
        }
        finally
        {
            await ended.CancelAsync().ConfigureAwait(false);
            await senders.ConfigureAwait(false);
        }
    }

    private async Task WatchSendersAsync(CancellationToken cancellation)
    {
        try
        {
            using var call = daemon.Relays.WatchSenders(
                new WatchSendersRequest(),
                new CallOptions(cancellationToken: cancellation)
            );
            while (await call.ResponseStream.MoveNext(cancellation).ConfigureAwait(false))
            {
                var senders = call.ResponseStream.Current.Senders;
                Post(() => _state = _state with { Live = _state.Live.With(senders) });
            }
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException)
        {
            // An older daemon without relays; else the other stream ends as well, and tells why.
        }
    }

    private void Take(Inventory snapshot, DateTimeOffset time)
    {
        _state = (_state.IsLost ? _state.Say("udptunneld is there again", Style.Good) : _state) with
        {
            IsLost = false,
            Live = _state.Live.With(snapshot, time),
        };
        var name = _state.DetailsOf;
        var isRelay = snapshot.Relays.Any(r => r.Name == name);
        if (!_asking && (isRelay || snapshot.Tunnels.Any(t => t.Name == name)))
        {
            _asking = true;
            _ = AskFlowsAsync(name, isRelay);
        }
    }

    /// <summary>Once for each snapshot, and not again before the answer came.</summary>
    private async Task AskFlowsAsync(string name, bool isRelay)
    {
        FlowList? flows = null;
        try
        {
            flows = await FlowList
                .ReadAsync(daemon, name, isRelay, Invocation.Within(Invocation.LookTimeout, stream.Token))
                .ConfigureAwait(false);
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException or ObjectDisposedException)
        {
            // It has gone, which the next snapshot shows.
        }

        var time = invocation.Host.Time.GetUtcNow();
        Post(() =>
        {
            _asking = false;
            if (flows is not null && _state.DetailsOf == name)
            {
                _state = _state with { Live = _state.Live.WithFlows(flows, time) };
            }
        });
    }

    private void Press(KeyPress key)
    {
        (_state, var decided, var quit) = TopKeys.Press(_state, key);
        _quit |= quit;
        if (decided is not null)
        {
            _ = DecideAsync(decided);
        }
    }

    private async Task DecideAsync(Decision decision)
    {
        // What the user saw and agreed to: the key, where there is one, whatever else connects from that address by
        // now.
        var who = decision.Who.Identity;
        var options = Invocation.Within(Invocation.ChangeTimeout, stream.Token);
        try
        {
            await DecideAsync(decision, who, options).ConfigureAwait(false);
            Say($"{(decision.Approve ? "let in" : "sent away")}: {who}", Style.Good);
        }
        catch (RpcException e)
        {
            Say(RpcFailure.Translate(e, invocation.Place.Name, invocation.Service).Message, Style.Bad);
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // The view has ended.
        }
    }

    private async Task DecideAsync(Decision decision, string who, CallOptions options)
    {
        var place = decision.Who.Place;
        switch (decision)
        {
            case { Who.Peer: not null, Approve: true }:
                var approval = new ApprovePeerRequest
                {
                    Peer = who,
                    Tunnel = place,
                    Once = decision.Once,
                };
                await daemon.Tunnels.ApprovePeerAsync(approval, options).ResponseAsync.ConfigureAwait(false);
                break;
            case { Who.Peer: not null }:
                var denial = new DenyPeerRequest { Peer = who, Tunnel = place };
                await daemon.Tunnels.DenyPeerAsync(denial, options).ResponseAsync.ConfigureAwait(false);
                break;
            case { Approve: true }:
                var request = new ApproveSenderRequest
                {
                    Sender = who,
                    Relay = place,
                    Once = decision.Once,
                };
                await daemon.Relays.ApproveSenderAsync(request, options).ResponseAsync.ConfigureAwait(false);
                break;
            default:
                var refusal = new DenySenderRequest { Sender = who, Relay = place };
                await daemon.Relays.DenySenderAsync(refusal, options).ResponseAsync.ConfigureAwait(false);
                break;
        }
    }

    private void Say(string message, Style style) => Post(() => _state = _state.Say(message, style));
}
