// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli;
using UdpTunnel.Cli.Daemon;
using UdpTunnel.Cli.Failures;

namespace UdpTunnel.Tests.Cli.Pure;

public sealed class SshHostTests
{
    [Theory]
    [InlineData("ssh://server", "-- server udptunnelctl dial-stdio")]
    [InlineData("ssh://server/", "-- server udptunnelctl dial-stdio")]
    [InlineData("ssh://root@server", "-l root -- server udptunnelctl dial-stdio")]
    [InlineData(
        "ssh://a.b-c_d@my-server.example.org:2222",
        "-l a.b-c_d -p 2222 -- my-server.example.org udptunnelctl dial-stdio"
    )]
    [InlineData("ssh://root@192.0.2.1:22", "-l root -p 22 -- 192.0.2.1 udptunnelctl dial-stdio")]
    [InlineData("ssh://root@[2001:db8::1]:22", "-l root -p 22 -- 2001:db8::1 udptunnelctl dial-stdio")]
    [InlineData("ssh://[fe80::1%eth0]", "-- fe80::1%eth0 udptunnelctl dial-stdio")]
    public void A_host_becomes_words_for_ssh_with_the_host_behind_all_options(string text, string words)
    {
        var host = SshHost.Parse(text);

        Assert.EndsWith(
            $"ClearAllForwardings=yes {words}",
            string.Join(' ', host.Arguments(null, mayAsk: true)),
            StringComparison.Ordinal
        );
        Assert.Equal(text.TrimEnd('/'), host.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("server")]
    [InlineData("ssh://")]
    [InlineData("ssh:///")]
    [InlineData("http://server")]
    [InlineData("ssh://-oProxyCommand=touch%20x")]
    [InlineData("ssh://-oProxyCommand")]
    [InlineData("ssh://root@-oProxyCommand")]
    [InlineData("ssh://-oProxyCommand@server")]
    [InlineData("ssh://root:secret@server")]
    [InlineData("ssh://a@b@server")]
    [InlineData("ssh://server;id")]
    [InlineData("ssh://$(id)")]
    [InlineData("ssh://`id`@server")]
    [InlineData("ssh://server id")]
    [InlineData("ssh://server\n")]
    [InlineData("ssh://server\n-oProxyCommand=id")]
    [InlineData("ssh://server:0")]
    [InlineData("ssh://server:65536")]
    [InlineData("ssh://server:-1")]
    [InlineData("ssh://server:+1")]
    [InlineData("ssh://server:")]
    [InlineData("ssh://server/path")]
    [InlineData("ssh://[-oProxyCommand]")]
    [InlineData("ssh://2001:db8::1")]
    public void What_is_no_host_is_refused_before_ssh_runs(string text)
    {
        var failure = Assert.Throws<CommandException>(() => SshHost.Parse(text));

        Assert.Equal(ExitCode.Usage, failure.ExitCode);
    }

    /// <summary>Whatever a user writes, ssh gets no option from it and the shell there no word of its own.</summary>
    [Fact]
    public void No_text_gives_ssh_an_option_or_the_other_hosts_shell_a_character_of_its_own() =>
        Property.ForAll<(string Text, uint Cut)>(
            value =>
            {
                const string Valid = "ssh://root@server:22";
                var at = (int)(value.Cut % (uint)Valid.Length);
                SshHost host;
                try
                {
                    host = SshHost.Parse($"{Valid[..at]}{value.Text}{Valid[at..]}");
                }
                catch (CommandException)
                {
                    return true;
                }

                return IsPlain(host.Host) && (host.User is null || IsPlain(host.User));
            },
            cases: 5000
        );

    [Theory]
    [InlineData("/run/udptunnel/udptunneld.sock", true)]
    [InlineData("/home/a_b/s@1,2+3=4:5%", true)]
    [InlineData("relative", false)]
    [InlineData("", false)]
    [InlineData("-x", false)]
    [InlineData("/a b", false)]
    [InlineData("/a'b", false)]
    [InlineData("/$(id)", false)]
    [InlineData("/a;id", false)]
    [InlineData("/a\n", false)]
    [InlineData("/ä", false)]
    public void A_path_for_the_other_host_is_one_that_no_shell_reads_differently(string path, bool isTaken)
    {
        if (isTaken)
        {
            Assert.Equal(
                ["udptunnelctl", "--socket", path, "dial-stdio"],
                SshHost.Parse("ssh://server").Arguments(SshHost.CheckSocket(path), mayAsk: true).TakeLast(4)
            );
        }
        else
        {
            Assert.Equal(ExitCode.Usage, Assert.Throws<CommandException>(() => SshHost.CheckSocket(path)).ExitCode);
        }
    }

    [Fact]
    public void Nobody_is_asked_anything_while_a_word_is_completed()
    {
        var host = SshHost.Parse("ssh://server");

        Assert.Contains("BatchMode=yes", host.Arguments(null, mayAsk: false));
        Assert.DoesNotContain("BatchMode=yes", host.Arguments(null, mayAsk: true));
    }

    [Theory]
    [InlineData(
        255,
        "Warning: something\r\nroot@server: Permission denied (publickey).\r\n",
        3,
        "cannot reach ssh://server: root@server: Permission denied (publickey).",
        "ssh says: Warning: something"
    )]
    [InlineData(255, "", 3, "cannot reach ssh://server: ssh says no more", null)]
    [InlineData(
        3,
        "A banner\nudptunnelctl: udptunneld is not running (no socket at /s)\nStart it with\n'x'.\n",
        3,
        "ssh://server: udptunneld is not running (no socket at /s)",
        "There: Start it with 'x'."
    )]
    [InlineData(4, "udptunnelctl: you may not open /s\n", 4, "ssh://server: you may not open /s", null)]
    [InlineData(
        127,
        "bash: line 1: udptunnelctl: command not found\n",
        3,
        "ssh://server: bash: line 1: udptunnelctl: command not found",
        "ssh has to be installed here and udptunnelctl there, where a command without a login finds it (PATH)."
    )]
    [InlineData(
        0,
        "",
        3,
        "ssh://server: what answers there is no udptunneld",
        "ssh ended with 0. The shell there must write nothing of its own: see 'ssh HOST true'."
    )]
    public void What_ssh_or_the_other_end_says_is_what_the_user_reads(
        int exitCode,
        string complaint,
        int expected,
        string message,
        string? advice
    )
    {
        var failure = SshFailure.Translate(SshHost.Parse("ssh://server"), exitCode, complaint);

        Assert.Equal((expected, message, advice), ((int)failure.ExitCode, failure.Message, failure.Advice));
    }

    private static bool IsPlain(string word) =>
        word[0] != '-' && word.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' or ':' or '%');
}
