// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Live;

namespace UdpTunnel.Tests.Cli.Live;

public sealed class TerminalAbilitiesTests
{
    [Theory]
    [InlineData("xterm-256color", "C.UTF-8", true, true, true)]
    [InlineData("tmux", "en_US.utf8", true, true, true)]
    [InlineData("xterm", "C", true, true, false)]
    [InlineData("linux", "C.UTF-8", true, true, false)]
    [InlineData("vt220", "", true, false, false)]
    [InlineData("vt100", "C.UTF-8", true, false, true)]
    [InlineData("dumb", "C.UTF-8", false, true, true)]
    [InlineData("", "", false, true, false)]
    public void The_name_of_the_terminal_and_the_locale_say_what_it_shows(
        string terminal,
        string language,
        bool cursor,
        bool colour,
        bool blocks
    )
    {
        var environment = new Dictionary<string, string> { ["TERM"] = terminal, ["LANG"] = language };

        Assert.Equal(
            new TerminalAbilities(cursor, colour, blocks),
            TerminalAbilities.Of(environment.GetValueOrDefault)
        );
    }

    [Fact]
    public void The_overriding_variable_of_the_locale_decides()
    {
        var environment = new Dictionary<string, string>
        {
            ["TERM"] = "xterm",
            ["LC_ALL"] = "C",
            ["LANG"] = "C.UTF-8",
        };

        Assert.False(TerminalAbilities.Of(environment.GetValueOrDefault).Blocks);
    }
}
