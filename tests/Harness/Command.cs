// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;

namespace UdpTunnel.Tests.Harness;

/// <summary>Runs a program to its end.</summary>
internal static class Command
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Runs a program; it is killed if it takes longer than a minute.</summary>
    /// <exception cref="TimeoutException">It did.</exception>
    public static async Task<CommandResult> RunAsync(IReadOnlyList<string> words, string input = "")
    {
        using var process = Start(words);
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(patience.Token);
            var error = process.StandardError.ReadToEndAsync(patience.Token);
            await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
            await process.WaitForExitAsync(patience.Token);
            return new CommandResult(string.Join(' ', words), process.ExitCode, await output, await error);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw new TimeoutException($"`{string.Join(' ', words)}` did not end within {Patience}");
        }
    }

    /// <summary>Starts a program with all of its streams redirected.</summary>
    public static Process Start(IReadOnlyList<string> words)
    {
        var start = new ProcessStartInfo(words[0])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var word in words.Skip(1))
        {
            start.ArgumentList.Add(word);
        }

        return Process.Start(start)!;
    }
}
