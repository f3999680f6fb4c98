// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Cli.Completion;

/// <summary>The scripts that teach a shell to ask <see cref="Completer"/>. They lie beside this file.</summary>
internal static class CompletionScript
{
    /// <summary>The shells that we have one for.</summary>
    public static readonly IReadOnlyList<string> Shells = ["bash", "zsh", "fish"];

    /// <summary>The script of a shell; null if we have none.</summary>
    public static string? Of(string shell)
    {
        if (!Shells.Contains(shell))
        {
            return null;
        }

        using var stream = typeof(CompletionScript).Assembly.GetManifestResourceStream($"completion.{shell}")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
