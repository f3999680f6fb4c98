// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using Cocona;
using Grpc.Core;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Output;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>events</c>: what happened, and what happens.</summary>
internal sealed class EventsCommand(Invocation invocation)
{
    [Command(Description = "Show what happened, as far as the daemon remembers it, the oldest first.")]
    [Example("udptunnelctl events")]
    [Example("udptunnelctl events --since 1h -n 20")]
    [Example("udptunnelctl events home --follow --level warning")]
    [Example("udptunnelctl events --kind peer_moved --kind peer_adopted")]
    [Example("udptunnelctl events --json | jq '.events[-1]'")]
    public async Task RunAsync(
        [Argument("NAME", Description = "Only of this tunnel or relay, which need not exist any more")]
        [CompletedFrom(CompletionSource.TunnelsAndRelays)]
            string? name,
        [Option("follow", ['f'], Description = "Go on with what happens, until Ctrl-C")] bool follow,
        [Option(
            "kind",
            ValueName = "KIND",
            Description = "Only events of this kind, as JSON names it; may be repeated"
        )]
            string[]? kinds = null,
        [Option("level", ValueName = "info|warning|error", Description = "Only events of this level and above")]
            string? level = null,
        [Option(
            "after",
            ValueName = "BOOT:SEQUENCE",
            Description = "Only events after this one: bootId and sequence of an event in JSON. After a restart of the "
                + "daemon, all that it remembers"
        )]
            string? after = null,
        [Option("since", ValueName = "DURATION", Description = "Only events of this last time, as 90s, 10m or 24h")]
        [DurationRange("1s", "8760h")]
            TimeSpan? since = null,
        [Option("lines", ['n'], ValueName = "N", Description = "Of those that happened, only the last")]
            long? lines = null
    )
    {
        if (lines < 0)
        {
            throw UsageFailure.Usage("--lines: a count is needed", "See 'udptunnelctl events --help'.");
        }

        var (bootId, sequence) = ReadPlace(after);
        var wanted = new ListEventsRequest
        {
            Tunnel = name ?? "",
            Kinds = { (kinds ?? []).Select(k => Read<EventKind>(k, "kind of event", Words.Of)) },
            MinLevel = level is null ? EventLevel.Unspecified : Read<EventLevel>(level, "level", Words.Of),
            BootId = bootId,
            AfterSequence = sequence,
        };
        if (follow && since is null && lines is null)
        {
            await FollowAsync(invocation, wanted, invocation.Cancellation).ConfigureAwait(false);
            return;
        }

        var daemon = await invocation.ConnectAsync().ConfigureAwait(false);
        var answer = await daemon
            .Events.ListEventsAsync(wanted, invocation.LookCall)
            .ResponseAsync.ConfigureAwait(false);
        var last = answer.Events.LastOrDefault()?.Sequence ?? sequence;
        var chosen = Last(answer.Events, since, lines).ToList();
        if (follow)
        {
            // In the shape of a stream: what happened, then what happens after the last that was looked at.
            Print(invocation, answer.BootId, chosen);
            (wanted.BootId, wanted.AfterSequence) = (answer.BootId, last);
            await FollowAsync(invocation, wanted, invocation.Cancellation).ConfigureAwait(false);
            return;
        }

        if (invocation.Json)
        {
            invocation.PrintJson(writer =>
            {
                writer.WriteText("bootId", answer.BootId);
                writer.WriteNumber("forgotten", answer.Forgotten);
                EventJson.WriteAll(writer, "events", chosen);
            });
        }
        else if (chosen.Count == 0)
        {
            invocation.Print(invocation.NewScreen().Line("No events."));
        }
        else
        {
            Print(invocation, chosen);
        }
    }

    private static async Task FollowAsync(
        Invocation invocation,
        ListEventsRequest wanted,
        CancellationToken cancellation
    )
    {
        using var stream = new InterruptibleStream(invocation, cancellation);
        var daemon = await invocation.ConnectAsync(stream.Token).ConfigureAwait(false);
        using var call = daemon.Events.WatchEvents(
            new WatchEventsRequest
            {
                Tunnel = wanted.Tunnel,
                Kinds = { wanted.Kinds },
                MinLevel = wanted.MinLevel,
                BootId = wanted.BootId,
                AfterSequence = wanted.AfterSequence,
            },
            new CallOptions(cancellationToken: stream.Token)
        );
        await stream
            .ReadAsync(call.ResponseStream, message => Print(invocation, message.BootId, message.Events))
            .ConfigureAwait(false);
    }

    private static (string BootId, ulong Sequence) ReadPlace(string? text)
    {
        if (text is null)
        {
            return ("", 0);
        }

        var at = text.LastIndexOf(':');
        return
            at > 0 && ulong.TryParse(text[(at + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? (text[..at], number)
            : throw UsageFailure.Usage(
                $"--after: '{text}' is not BOOT:SEQUENCE",
                "Both are members of an event: udptunnelctl events --json"
            );
    }

    private static T Read<T>(string word, string what, Func<T, string?> wordOf)
        where T : struct, Enum
    {
        var known = Enum.GetValues<T>().Where(v => wordOf(v) is not null).ToDictionary(v => wordOf(v)!);
        return known.TryGetValue(word, out var value)
            ? value
            : throw UsageFailure.Usage(
                $"'{word}' is not a {what}",
                NearestName.Of(word, known.Keys) is { } near
                    ? $"Did you mean '{near}'?"
                    : $"There are: {string.Join(", ", known.Keys)}."
            );
    }

    private IEnumerable<Event> Last(IReadOnlyList<Event> events, TimeSpan? since, long? lines)
    {
        var now = invocation.Host.Time.GetUtcNow();
        var young = events.Where(e => since is null || TimeText.Of(e.Time) >= now - since).ToList();
        return lines is { } most ? young.Skip((int)Math.Max(0, young.Count - most)) : young;
    }

    /// <summary>A part of a stream.</summary>
    private static void Print(Invocation invocation, string bootId, IReadOnlyCollection<Event> events)
    {
        if (!invocation.Json)
        {
            Print(invocation, events);
            return;
        }

        foreach (var happened in events)
        {
            invocation.PrintJson(writer =>
            {
                writer.WriteText("bootId", bootId);
                EventJson.WriteMembers(writer, happened);
            });
        }
    }

    private static void Print(Invocation invocation, IEnumerable<Event> events)
    {
        var screen = invocation.NewScreen();
        EventView.Render(screen, events, invocation.Host.Time);
        invocation.Print(screen);
    }
}
