// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace UdpTunnel.Tests.Harness;

/// <summary>A program that runs until it is stopped. What it says is kept, and shown with a test that fails.</summary>
internal sealed class ChildProcess : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly Process _process;
    private readonly string _name;

    // Protects _text: two streams end up in it.
    private readonly Lock _gate = new();
    private readonly StringBuilder _text = new();

    private ChildProcess(string name, Process process)
    {
        _name = name;
        _process = process;
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>Process id.</summary>
    public int Id => _process.Id;

    /// <summary>Whether it runs.</summary>
    public bool IsRunning => !_process.HasExited;

    /// <summary>What it said until now, on both streams.</summary>
    public string Text
    {
        get
        {
            lock (_gate)
            {
                return _text.ToString();
            }
        }
    }

    /// <summary>Starts a program.</summary>
    public static ChildProcess Start(string name, IReadOnlyList<string> words)
    {
        var result = new ChildProcess(name, Command.Start(words));
        AtExit.Add(result, result.End);
        return result;
    }

    /// <summary>Asks it to end, and waits.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> EndAsync(string signal)
    {
        await SignalAsync(signal);
        return await WaitAsync();
    }

    /// <summary>Sends it a signal.</summary>
    public async Task SignalAsync(string signal)
    {
        (
            await Command.RunAsync(["kill", $"-{signal}", _process.Id.ToString(CultureInfo.InvariantCulture)])
        ).RequireSuccess();
        if (signal == "STOP")
        {
            // Each thread stops when it is next scheduled, and may answer somebody until then.
            await WaitFor.TrueAsync(() => HasStopped(_process.Id), "all of its threads to stop");
        }
    }

    /// <summary>Ends it at once, without a chance to clean up, and waits.</summary>
    public async Task KillAsync(TimeSpan? patience = null)
    {
        _process.Kill();
        await WaitAsync(patience);
    }

    /// <inheritdoc/>
    public void Dispose() => AtExit.Undo(this);

    private static bool HasStopped(int process) =>
        Directory
            .EnumerateFiles(
                $"/proc/{process}/task",
                "stat",
                new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 1 }
            )
            .All(file => File.ReadAllText(file).Split(')')[^1].StartsWith(" T", StringComparison.Ordinal));

    private void End()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"--- {_name}, process {_process.Id}:\n{Text}");
        _process.Dispose();
    }

    private async Task<int> WaitAsync(TimeSpan? patience = null)
    {
        var limit = patience ?? Patience;
        try
        {
            await _process.WaitForExitAsync().WaitAsync(limit);
            return _process.ExitCode;
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"{_name} did not end within {limit}; it said:\n{Text}");
        }
    }

    private void Keep(string? line)
    {
        if (line is not null)
        {
            lock (_gate)
            {
                _text.AppendLine(line);
            }
        }
    }
}
