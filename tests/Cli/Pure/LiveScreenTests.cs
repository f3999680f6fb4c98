// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Live;

namespace UdpTunnel.Tests.Cli;

public sealed class LiveScreenTests
{
    private static readonly TerminalSize Size = new(80, 24);

    [Fact]
    public void The_terminal_is_restored_and_keeps_the_last_view()
    {
        using var output = new StringWriter();
        var live = new LiveScreen(output);
        live.Enter();
        live.Show(Screen("first"), Size);
        live.Leave(Screen("second"));

        var text = output.ToString();
        Assert.StartsWith("\x1b[?1049h\x1b[?25l", text, StringComparison.Ordinal);
        Assert.EndsWith("\x1b[?25h\x1b[?1049lsecond\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_rows_that_change_are_written()
    {
        using var output = new StringWriter();
        var live = new LiveScreen(output);
        live.Enter();
        live.Show(Screen("one", "two", "three"), Size);
        output.GetStringBuilder().Clear();

        live.Show(Screen("one", "2"), Size);

        Assert.Equal("\x1b[2;1H\x1b[K2\x1b[3;1H\x1b[K", output.ToString());
    }

    [Fact]
    public void After_the_terminal_was_given_back_all_is_drawn_again_and_nothing_between()
    {
        using var output = new StringWriter();
        var live = new LiveScreen(output);
        live.Enter();
        live.Show(Screen("one"), Size);
        live.Leave();
        output.GetStringBuilder().Clear();

        live.Show(Screen("unseen"), Size);
        Assert.Equal("", output.ToString());

        live.Enter();
        live.Show(Screen("one"), Size);
        Assert.EndsWith("\x1b[H\x1b[J\x1b[1;1H\x1b[Kone", output.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(5, 5)]
    [InlineData(50, 10)]
    public void No_more_rows_are_drawn_than_there_are(int rows, int drawn)
    {
        using var output = new StringWriter();
        var live = new LiveScreen(output);
        live.Enter();

        live.Show(Screen([.. Enumerable.Range(0, 10).Select(i => $"row {i}")]), new TerminalSize(80, rows));

        Assert.Equal(drawn, output.ToString().Split("\x1b[K").Length - 1);
        Assert.DoesNotContain('\n', output.ToString());
    }

    private static Screen Screen(params string[] lines)
    {
        var screen = new Screen(colour: false);
        foreach (var line in lines)
        {
            screen.Line(line);
        }

        return screen;
    }
}
