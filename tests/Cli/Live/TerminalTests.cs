// SPDX-License-Identifier: BSD-3-Clause

using Google.Protobuf.WellKnownTypes;
using UdpTunnel.Tests.Cli.Relays;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli.Live;

/// <summary>The real program in a real terminal: what a person sees and does.</summary>
public sealed class TerminalTests
{
    [Fact]
    public async Task Top_takes_the_whole_screen_follows_its_size_and_gives_it_back()
    {
        await using var server = await FakeServer.StartAsync();
        Watched(server);
        await using var terminal = await TmuxTerminal.StartAsync(server);
        await terminal.RunAsync(
            "echo before; udptunnelctl top --interval 100ms; echo ended with $?; stty -a | grep -o -w -e -icanon -e icanon"
        );

        var screen = await terminal.UntilAsync(s =>
            s[0].StartsWith("udptunnelctl top", StringComparison.Ordinal)
            && s[23].StartsWith("q quit", StringComparison.Ordinal)
        );
        Assert.StartsWith("> dns", screen[3], StringComparison.Ordinal);
        await terminal.PressAsync("Down");
        await terminal.UntilAsync(s => s[4].StartsWith("> home", StringComparison.Ordinal));
        await terminal.ResizeAsync(120, 40);
        await terminal.UntilAsync(s => s[39].StartsWith("q quit", StringComparison.Ordinal) && s[23].Length == 0);
        await terminal.ResizeAsync(60, 10);
        await terminal.UntilAsync(s => s[9].StartsWith("q quit", StringComparison.Ordinal));
        await terminal.TypeAsync("q");

        screen = await terminal.UntilAsync("ended with 0");
        Assert.Contains("before", screen);
        await terminal.UntilAsync(s => s.Contains("icanon"));
        Assert.DoesNotContain(screen, l => l.StartsWith("> ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("TERM", 0)]
    [InlineData("INT", 0)]
    [InlineData("HUP", 0)]
    [InlineData("QUIT", 0)]
    public async Task A_signal_that_ends_top_gives_the_terminal_back(string signal, int exitCode)
    {
        await using var server = await FakeServer.StartAsync();
        Watched(server);
        await using var terminal = await TmuxTerminal.StartAsync(server);
        await terminal.RunAsync(
            "udptunnelctl top --interval 100ms; echo ended with $?; stty -a | grep -o -w -e -echo -e echo"
        );

        await terminal.UntilAsync("NAME");
        await terminal.SignalAsync(signal, "udptunnelctl");
        await terminal.UntilAsync($"ended with {exitCode}");
        await terminal.UntilAsync(s => s.Contains("echo"));
    }

    [Fact]
    public async Task Ctrl_Z_gives_the_terminal_to_the_shell_and_fg_takes_it_again()
    {
        await using var server = await FakeServer.StartAsync();
        Watched(server);
        await using var terminal = await TmuxTerminal.StartAsync(server);
        await terminal.RunAsync("udptunnelctl top --interval 100ms");
        await terminal.UntilAsync("NAME");

        await terminal.PressAsync("C-z");
        await terminal.UntilAsync("Stopped");
        await terminal.RunAsync("echo in the $((1+1))nd shell");
        var screen = await terminal.UntilAsync("in the 2nd shell");
        Assert.DoesNotContain(screen, l => l.Contains("NAME", StringComparison.Ordinal));

        await terminal.RunAsync("fg");
        await terminal.UntilAsync(s => s[2].Contains("NAME", StringComparison.Ordinal));
        await terminal.TypeAsync("?");
        await terminal.UntilAsync("any key goes back");
        await terminal.TypeAsync("xq");
        await terminal.UntilAsync(s =>
            !s.Any(l => l.Contains("any key", StringComparison.Ordinal))
            && s.Any(l => l.Contains("2nd shell", StringComparison.Ordinal))
        );
    }

    [Theory]
    [InlineData("vt100")]
    [InlineData("vt220")]
    public async Task On_a_serial_line_top_has_neither_colours_nor_other_than_ascii(string name)
    {
        await using var server = await FakeServer.StartAsync();
        Watched(server);
        await using var terminal = await TmuxTerminal.StartAsync(server);
        await terminal.RunAsync(
            $"TERM={name} LC_ALL=C script -q -c 'stty rows 24 cols 80; udptunnelctl top --interval 100ms' {server.File("seen", "")}"
        );
        await terminal.UntilAsync(s => s[3].EndsWith('@') || s[4].EndsWith('@'));
        await terminal.TypeAsync("q");
        await terminal.UntilAsync(s => s.All(l => !l.Contains("NAME", StringComparison.Ordinal)));

        var seen = await File.ReadAllTextAsync(server.File("seen"), TestContext.Current.CancellationToken);
        Assert.DoesNotContain("\x1b[1m", seen, StringComparison.Ordinal);
        Assert.DoesNotContain('\ufffd', seen);
        Assert.All(seen, c => Assert.True(c <= '~', $"{(int)c:x}"));
    }

    /// <summary>A tunnel with traffic, and a receiver at which a sender waits.</summary>
    private static void Watched(FakeServer server)
    {
        server.Daemon.Watch = async (request, writer, cancellation) =>
        {
            for (var look = 0; ; look++)
            {
                var tunnel = Samples.Server();
                tunnel.Counters.BytesOut += (ulong)look * 100_000;
                await writer.WriteAsync(
                    new() { Time = At(look, request.Interval), Tunnels = { tunnel } },
                    cancellation
                );
                await Task.Delay(request.Interval.ToTimeSpan(), cancellation);
            }
        };
        server.Daemon.WatchRelays = async (request, writer, cancellation) =>
        {
            for (var look = 0; ; look++)
            {
                await writer.WriteAsync(
                    new() { Time = At(look, request.Interval), Relays = { RelaySamples.WaitingReceiver() } },
                    cancellation
                );
                await Task.Delay(request.Interval.ToTimeSpan(), cancellation);
            }
        };
        server.Daemon.WatchSenders = async (_, writer, cancellation) =>
        {
            await writer.WriteAsync(new WatchSendersResponse { Senders = { RelaySamples.Sender() } }, cancellation);
            await Task.Delay(Timeout.Infinite, cancellation);
        };
    }

    private static Timestamp At(int look, Duration interval) =>
        Timestamp.FromDateTimeOffset(Samples.Now + (look * interval.ToTimeSpan()));
}
