// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using UdpTunnel.Cli.Commands;

namespace UdpTunnel.Tests.Cli;

/// <summary>How people find out how a command is written.</summary>
public sealed class HelpTests
{
    public static TheoryData<string> Commands => [.. Paths(CommandTree.Root, "")];

    public static TheoryData<string> Examples => [.. Nodes(CommandTree.Root).SelectMany(n => n.Examples).Distinct()];

    [Theory]
    [MemberData(nameof(Commands))]
    public async Task Help_in_front_says_the_same_as_help_behind(string command)
    {
        var words = command.Split(' ', StringSplitOptions.RemoveEmptyEntries);

        var front = await new CommandRun().RunAsync(["help", .. words]);
        var behind = await new CommandRun().RunAsync([.. words, "--help"]);

        Assert.Equal((0, behind.Output.ToString()), (front.ExitCode, front.Output.ToString()));
    }

    /// <summary>
    /// A parameter set whose members the compiler did not see would be missing in a program that is compiled ahead of
    /// time.
    /// </summary>
    [Theory]
    [MemberData(nameof(Commands))]
    public async Task The_program_knows_the_options_that_the_sources_declare(string command)
    {
        var words = command.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var here = await new CommandRun().RunAsync([.. words, "--help"]);

        var start = new ProcessStartInfo(BuiltProgram.Path, [.. words, "--help"]) { RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal((0, here.Output.ToString()), (process.ExitCode, output));
    }

    [Theory]
    [InlineData("up --nonsense --help")]
    [InlineData("--help up")]
    [InlineData("up --name -h")]
    [InlineData("up a b c -?")]
    [InlineData("--json up -h")]
    public async Task Help_is_shown_wherever_it_is_asked_for(string line)
    {
        var run = await new CommandRun().RunAsync(line.Split(' '));

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("udptunnelctl up CONFIG.json", run.Output.ToString(), StringComparison.Ordinal);
    }

    /// <summary>Those of the options; two spaces or the line's end divide them from their text.</summary>
    [Theory]
    [MemberData(nameof(Commands))]
    public async Task No_label_is_cut_or_runs_into_its_text(string path)
    {
        var words = path.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var run = await new CommandRun().RunAsync([.. words, "--help"]);

        var lines = run.Output.ToString().Split('\n').ToList();
        CommandNode node = CommandTree.Root;
        foreach (var word in words)
        {
            node = ((CommandGroup)node).First(c => c.Name == word);
        }

        foreach (var label in node.Options.Select(o => o.ValueName is { } v ? $"{o.Name} {v}" : o.Name))
        {
            Assert.Contains(lines, l =>
                l.IndexOf(label, StringComparison.Ordinal) is > 0 and var at
                && (
                    l.Length == at + label.Length || l[(at + label.Length)..].StartsWith("  ", StringComparison.Ordinal)
                )
            );
        }
    }

    [Theory]
    [InlineData("stop home --help", "Did you mean 'down'?")]
    [InlineData("--help nonsense", "'udptunnelctl --help' lists the commands.")]
    [InlineData("relay recieve -h", "Did you mean 'receiver'?")]
    public async Task There_is_no_help_of_what_is_no_command(string line, string advice)
    {
        var run = await new CommandRun().RunAsync(line.Split(' '));

        Assert.Equal(2, run.ExitCode);
        Assert.Contains(advice, run.Error.ToString(), StringComparison.Ordinal);
        Assert.Equal("", run.Output.ToString());
    }

    [Theory]
    [MemberData(nameof(Examples))]
    public async Task No_example_is_cut_and_shells_take_it_as_it_is_shown(string example)
    {
        var shown = string.Join('\n', HelpPage.Fold(example, columns: 80));
        Assert.Equal(example, shown.Replace(" \\\n    ", " ", StringComparison.Ordinal).Trim());

        // The programs are functions that do nothing; what is left is what the shell itself makes of the line.
        var ofFish = example.Contains("fish", StringComparison.Ordinal);
        foreach (var shell in ofFish ? ["fish"] : new[] { "bash", "zsh" })
        {
            Assert.SkipUnless(File.Exists($"/usr/bin/{shell}") || File.Exists($"/bin/{shell}"), $"needs {shell}");
            var directory = Directory.CreateTempSubdirectory("ctl-");
            Directory.CreateDirectory(Path.Combine(directory.FullName, ".local/share/bash-completion/completions"));
            var programs = ofFish
                ? "function udptunnelctl; end"
                : "udptunnelctl() { :; }; generate-config() { :; }; jq() { cat > /dev/null; }";
            using var process = Process.Start(
                new ProcessStartInfo(shell, ["-c", $"{programs}\n{shown}"])
                {
                    RedirectStandardError = true,
                    WorkingDirectory = directory.FullName,
                    Environment = { ["HOME"] = directory.FullName },
                }
            )!;
            var error = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            directory.Delete(recursive: true);

            Assert.Equal((shell, 0, ""), (shell, process.ExitCode, error));
        }
    }

    [Theory]
    [InlineData("a b", 10, "  a b")]
    [InlineData("aaaa bbbb cccc", 12, "  aaaa \\|    bbbb \\|    cccc")]
    [InlineData("a 'b c d e f' g", 12, "  a \\|    'b c d e f' \\|    g")]
    [InlineData("a-word-that-is-longer b", 10, "  a-word-that-is-longer \\|    b")]
    public void A_long_example_is_folded_between_words(string example, int columns, string lines) =>
        Assert.Equal(lines.Split('|'), HelpPage.Fold(example, columns));

    [Theory]
    [InlineData("list")]
    [InlineData("ls")]
    public async Task List_is_status(string word)
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.Has(Samples.Server(), Samples.Client());

        var all = await CommandRun.OfAsync(server, word);
        var one = await CommandRun.OfAsync(server, word, "office");
        var help = await new CommandRun().RunAsync(word, "--help");

        Assert.StartsWith("home: running", all.Output.ToString(), StringComparison.Ordinal);
        Assert.StartsWith("office: waiting", one.Output.ToString(), StringComparison.Ordinal);
        Assert.Contains("udptunnelctl status [NAME]", help.Output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Options_of_every_command_may_stand_anywhere()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.Has(Samples.Server());
        string[][] lines =
        [
            ["--socket", server.SocketPath, "--json", "status", "home"],
            ["status", "--json", "home", "--socket=" + server.SocketPath],
            ["--json", "status", "--socket", server.SocketPath, "--", "home"],
            ["--json", "--", "status", "home"],
        ];

        foreach (var line in lines)
        {
            var run = await new CommandRun().RunAsync(server, line);

            Assert.Equal(0, run.ExitCode);
            Assert.Equal("home", run.Json.GetProperty("tunnels")[0].GetProperty("name").GetString());
        }
    }

    [Fact]
    public async Task Behind_two_dashes_everything_is_an_argument()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.Has(Samples.Server());

        var run = await CommandRun.OfAsync(server, "status", "--", "--json");

        Assert.Equal(5, run.ExitCode);
        Assert.Contains("there is no tunnel or relay '--json'", run.Error.ToString(), StringComparison.Ordinal);
    }

    /// <summary>Words that mean something somewhere, in any order.</summary>
    [Fact]
    public void Whatever_is_typed_is_a_request_or_a_mistake()
    {
        string[] vocabulary =
        [
            .. Nodes(CommandTree.Root).SelectMany(n => n.Aliases.Append(n.Name)),
            .. Nodes(CommandTree.Root)
                .SelectMany(ControlProgram.Reader.OptionsOf)
                .SelectMany(o => o.Letters.Append(o.Name))
                .Distinct(),
            "",
            "-",
            "--",
            "---",
            "-=",
            "--=",
            "-f=",
            "--json=true",
            "--interval=5s",
            "--name=",
            "-fy",
            "home",
            "1s",
            "99999999999999999999",
            "\u0661",
        ];
        Property.ForAll<byte[]>(
            numbers =>
            {
                var request = ControlProgram.Reader.Read([.. numbers.Select(n => vocabulary[n % vocabulary.Length])]);
                return request.Mistake is null
                    ? request.Node is Command
                    : request.Mistake is { Message.Length: > 0, Advice.Length: > 0 };
            },
            cases: 5000
        );
    }

    private static IEnumerable<CommandNode> Nodes(CommandNode node) =>
        node is CommandGroup group ? group.SelectMany(Nodes).Prepend(node) : [node];

    private static IEnumerable<string> Paths(CommandNode node, string path) =>
        node is CommandGroup group ? group.SelectMany(n => Paths(n, $"{path} {n.Name}".Trim())).Prepend(path) : [path];
}
