// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;

namespace UdpTunnel.Tests.Cli.Live;

/// <summary>
/// A shell in a real terminal, by a tmux server of its own: what is on its screen is what a person sees. The command's
/// variables are set.
/// </summary>
internal sealed class TmuxTerminal : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly string _socket;

    private TmuxTerminal(string socket) => _socket = socket;

    /// <summary>Starts a shell: bash, zsh or fish, without any user's configuration.</summary>
    public static async Task<TmuxTerminal> StartAsync(
        FakeServer server,
        string shell = "bash",
        int columns = 80,
        int rows = 24
    )
    {
        Assert.SkipUnless(IsInstalled("tmux"), "needs tmux");
        Assert.SkipUnless(IsInstalled(shell), $"needs {shell}");
        var terminal = new TmuxTerminal(server.File("tmux"));
        var command = shell switch
        {
            "zsh" => "zsh -f",
            "fish" => "fish --no-config",
            _ => "bash --norc --noprofile",
        };
        string[] environment =
        [
            $"PATH={Path.GetDirectoryName(BuiltProgram.Path)}:{Environment.GetEnvironmentVariable("PATH")}",
            $"UDPTUNNEL_SOCKET={server.SocketPath}",
            "PS1=$ ",
            "LC_ALL=C.UTF-8",
            "HOME=/nonexistent",
        ];
        await terminal.TmuxAsync([
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            $"{columns}",
            "-y",
            $"{rows}",
            "env",
            "-u",
            "NO_COLOR",
            .. environment,
            .. command.Split(' '),
        ]);
        return terminal;
    }

    /// <summary>Types characters as they are.</summary>
    public Task TypeAsync(string text) => TmuxAsync(["send-keys", "-l", text]);

    /// <summary>Presses a key that has a name: Enter, Tab, Up, C-c, C-z.</summary>
    public Task PressAsync(string key) => TmuxAsync(["send-keys", key]);

    /// <summary>Types a command line and Enter.</summary>
    public async Task RunAsync(string line)
    {
        await TypeAsync(line);
        await PressAsync("Enter");
    }

    /// <summary>Sends a signal to a program that the shell runs.</summary>
    public async Task SignalAsync(string signal, string program)
    {
        var shell = (await TmuxAsync(["display-message", "-p", "#{pane_pid}"])).Trim();
        using var process = Process.Start("pkill", [$"-{signal}", "-P", shell, "-x", program]);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, process.ExitCode);
    }

    public Task ResizeAsync(int columns, int rows) => TmuxAsync(["resize-window", "-x", $"{columns}", "-y", $"{rows}"]);

    /// <summary>The rows of the screen.</summary>
    public async Task<string[]> ScreenAsync() => (await TmuxAsync(["capture-pane", "-p"])).Split('\n');

    /// <summary>The screen once it is as described; fails with what it shows if it does not become so.</summary>
    public async Task<string[]> UntilAsync(Func<string[], bool> condition)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var screen = await ScreenAsync();
            if (condition(screen))
            {
                return screen;
            }

            Assert.True(clock.Elapsed < Patience, $"the screen stays so:\n{string.Join('\n', screen)}");
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Until a row contains the text.</summary>
    public Task<string[]> UntilAsync(string text) =>
        UntilAsync(s => s.Any(l => l.Contains(text, StringComparison.Ordinal)));

    public async ValueTask DisposeAsync() => await TmuxAsync(["kill-server"]);

    private static bool IsInstalled(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(d => File.Exists(Path.Combine(d, program)));

    private async Task<string> TmuxAsync(string[] arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo("tmux", ["-u", "-S", _socket, .. arguments]) { RedirectStandardOutput = true }
        )!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return output;
    }
}
