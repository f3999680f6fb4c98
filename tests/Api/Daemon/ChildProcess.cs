// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace UdpTunnel.Tests.Api.Daemon;

/// <summary>A process that a test started: what it says is kept, and it does not outlive the test.</summary>
internal sealed partial class ChildProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _errors = new();

    private ChildProcess(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => Append(_output, line.Data);
        process.ErrorDataReceived += (_, line) => Append(_errors, line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>Its number.</summary>
    public int Id => _process.Id;

    /// <summary>What it wrote to standard output so far.</summary>
    public string Output => Text(_output);

    /// <summary>What it wrote to standard error so far.</summary>
    public string Errors => Text(_errors);

    /// <summary>Whether it has ended.</summary>
    public bool HasEnded => _process.HasExited;

    /// <summary>Starts a program.</summary>
    /// <param name="command">The program and its arguments.</param>
    public static ChildProcess Start(params IEnumerable<string> command)
    {
        var words = command.ToArray();
        var start = new ProcessStartInfo(words[0], words[1..])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        // Files of tools that other users' processes would leave behind.
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        start.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
        return new ChildProcess(new Process { StartInfo = start });
    }

    /// <summary>Runs a program to its end.</summary>
    /// <returns>Exit code, standard output, standard error.</returns>
    public static async Task<(int ExitCode, string Output, string Errors)> RunAsync(params IEnumerable<string> command)
    {
        await using var child = Start(command);
        var exitCode = await child.WaitAsync();
        return (exitCode, child.Output, child.Errors);
    }

    /// <summary>Asks it to end (SIGTERM).</summary>
    public void Terminate()
    {
        const int SIGTERM = 15;
        Assert.Equal(0, Kill(Id, SIGTERM));
    }

    /// <summary>Tells it that its files have changed (SIGHUP).</summary>
    public void HangUp()
    {
        const int SIGHUP = 1;
        Assert.Equal(0, Kill(Id, SIGHUP));
    }

    /// <summary>Ends it at once (SIGKILL).</summary>
    public void Kill() => _process.Kill();

    /// <summary>Waits until it has ended and everything it said is here.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> WaitAsync()
    {
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(60));
        return _process.ExitCode;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            // With its children: strace and its tracee, for example.
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync(CancellationToken.None);
        }

        _process.Dispose();
    }

    private static string Text(StringBuilder text)
    {
        lock (text)
        {
            return text.ToString();
        }
    }

    private static void Append(StringBuilder text, string? line)
    {
        lock (text)
        {
            text.Append(line is null ? "" : $"{line}\n");
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int process, int signal);
}
