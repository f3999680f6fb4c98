// SPDX-License-Identifier: BSD-3-Clause

using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using UdpTunnel.Cli.Live;

namespace UdpTunnel.Cli.Commands;

/// <summary>
/// <c>stats --watch</c>: JSON, a view that is drawn over itself, or lines that are appended, whichever suits the
/// output.
/// </summary>
/// <param name="invocation">What was asked for.</param>
/// <param name="stream">Ends it.</param>
internal sealed class StatsWatch(Invocation invocation, InterruptibleStream stream)
{
    private ITerminal? _terminal;
    private volatile Tuple<Inventory, DateTimeOffset>? _last;

    /// <summary>Until the user ends it.</summary>
    public async Task RunAsync(IReadOnlyList<string> names, TimeSpan period)
    {
        var daemon = await invocation.ConnectAsync(stream.Token).ConfigureAwait(false);

        // Each service knows the names of its own kind only.
        var all = await Inventory.ReadAsync(daemon, Invocation.LookTimeout, stream.Token).ConfigureAwait(false);
        var chosen = all.Select(names);
        var options = new CallOptions(cancellationToken: stream.Token);
        var interval = Duration.FromTimeSpan(period);
        using var tunnels =
            names.Count > 0 && chosen.Tunnels.Count == 0
                ? null
                : daemon.Tunnels.WatchTunnels(
                    new() { Names = { chosen.Tunnels.Select(t => t.Name).Where(names.Contains) }, Interval = interval },
                    options
                );
        using var relays =
            names.Count > 0 && chosen.Relays.Count == 0
                ? null
                : daemon.Relays.WatchRelays(
                    new() { Names = { chosen.Relays.Select(r => r.Name).Where(names.Contains) }, Interval = interval },
                    options
                );
        using var pairs = new InventoryStream(tunnels?.ResponseStream, relays?.ResponseStream);
        var redraw = !invocation.Json && invocation.CanRedraw;
        try
        {
            await stream
                .ReadAsync(
                    pairs,
                    snapshot => Take(snapshot, pairs.Time ?? invocation.Host.Time.GetUtcNow(), redraw),
                    flush: !redraw
                )
                .ConfigureAwait(false);
        }
        finally
        {
            _terminal?.Dispose();
        }
    }

    private void Take(Inventory snapshot, DateTimeOffset time, bool redraw)
    {
        if (invocation.Json)
        {
            StatsCommand.PrintJson(invocation, snapshot, time);
        }
        else if (!redraw)
        {
            invocation.Print(StatsCommand.Lines(invocation, snapshot, time));
        }
        else
        {
            // Not before the first answer: an error belongs on the ordinary screen.
            _terminal ??= invocation.Host.TakeTerminal(Press, Draw, keepLast: true);
            _last = Tuple.Create(snapshot, time);
            Draw();
        }
    }

    private void Press(KeyPress key)
    {
        if (key.Key == Key.Hangup || key == KeyPress.Of('q'))
        {
            stream.Interrupt();
        }
    }

    private void Draw()
    {
        if (_terminal is { } terminal && _last is { } last)
        {
            var screen = new Screen(invocation.Colour, Math.Min(terminal.Size.Columns, Screen.Width));
            terminal.Show(StatsCommand.InFull(screen, last.Item1, last.Item2));
        }
    }
}
