using UdpTunnel.Cli.Output;

namespace UdpTunnel.Tests.Cli;

public sealed class LiveScreenTests
{
    [Fact]
    public void The_terminal_is_restored_and_keeps_the_last_view()
    {
        using var output = new StringWriter();
        using (var live = new LiveScreen(output, () => 24))
        {
            live.Show(new Screen(colour: false).Line("first"));
            live.Show(new Screen(colour: false).Line("second"));
        }

        var text = output.ToString();
        Assert.StartsWith("\x1b[?1049h\x1b[?25l", text, StringComparison.Ordinal);
        Assert.EndsWith("\x1b[?25h\x1b[?1049lsecond\n", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(3, 3)]
    [InlineData(0, 10)]
    [InlineData(50, 10)]
    public void No_more_rows_are_drawn_than_there_are(int rows, int drawn)
    {
        using var output = new StringWriter();
        using var live = new LiveScreen(output, () => rows);
        var screen = new Screen(colour: false);
        for (var i = 0; i < 10; i++)
        {
            screen.Line($"row {i}");
        }

        live.Show(screen);

        Assert.Equal(drawn, output.ToString().Split("\x1b[K").Length - 1);
        Assert.Equal(drawn - 1, output.ToString().Count(c => c == '\n'));
    }
}
