// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Commands;

namespace UdpTunnel.Cli.Completion;

/// <summary>
/// Answers the completion scripts: <c>udptunnelctl __complete WORD...</c> with the words after the program's name, the
/// last of which (it may be empty) is to be completed. Writes one candidate on each line, with its description after a
/// tab, or the line <c>:files</c> where the shell completes paths. Whatever goes wrong, it writes nothing: a prompt is
/// no place for an error.
/// </summary>
internal sealed class Completer(CommandHost host)
{
    /// <summary>The first argument of such a call. No name of a command begins so.</summary>
    public const string Verb = "__complete";

    private const string Files = ":files";

    private readonly List<string> _arguments = [];

    private CommandNode _node = CommandTree.Root;
    private OptionInfo? _open;
    private string? _host;
    private string? _socket;
    private bool _literal;

    /// <summary>Answers one call.</summary>
    public async Task RunAsync(IReadOnlyList<string> words)
    {
        var last = words.Count > 0 ? words[^1] : "";
        foreach (var word in words.SkipLast(1))
        {
            Pass(word);
        }

        foreach (var candidate in await CandidatesAsync(last).ConfigureAwait(false))
        {
            // What would have to be escaped cannot be typed either.
            if (
                candidate.Word.StartsWith(last, StringComparison.Ordinal)
                && TerminalText.Escape(candidate.Word) == candidate.Word
                && !candidate.Word.Contains(' ', StringComparison.Ordinal)
            )
            {
                await host
                    .Output.WriteAsync($"{candidate.Word}\t{TerminalText.Escape(candidate.Description)}\n")
                    .ConfigureAwait(false);
            }
            else if (candidate.Word == Files)
            {
                await host.Output.WriteAsync($"{Files}\n").ConfigureAwait(false);
            }
        }

        await host.Output.FlushAsync().ConfigureAwait(false);
    }

    private IReadOnlyList<OptionInfo> Options => ControlProgram.Reader.OptionsOf(_node);

    /// <summary>A word before the one that is completed.</summary>
    private void Pass(string word)
    {
        if (_open is not null)
        {
            _host = _open == GlobalOptions.Host ? word : _host;
            _socket = _open == GlobalOptions.Socket ? word : _socket;
            _open = null;
        }
        else if (word == "--" && !_literal)
        {
            _literal = true;
        }
        else if (word.StartsWith('-') && !_literal)
        {
            _open = Options.FirstOrDefault(o => o.TakesValue && (o.Name == word || o.Letters.Contains(word)));
        }
        else if (_arguments.Count == 0 && _node is CommandGroup group && group.Find(word) is { } node)
        {
            _node = node;
        }
        else
        {
            _arguments.Add(word);
        }
    }

    private async Task<IEnumerable<Candidate>> CandidatesAsync(string last)
    {
        if (_open is not null)
        {
            return Values(_open);
        }

        if (last.StartsWith('-') && !_literal)
        {
            return Options.Select(o => new Candidate(o.Name, FirstSentence(o.Description)));
        }

        if (_node is CommandGroup)
        {
            return Commands(_node, _arguments);
        }

        var source = CompletedFromAttribute.Of(_node, _arguments.Count);
        return source switch
        {
            CompletionSource.Nothing => [],
            CompletionSource.Files => [new Candidate(Files)],
            CompletionSource.PortChanges =>
            [
                new Candidate("allow", "let these ports through"),
                new Candidate("deny", "no longer"),
            ],
            CompletionSource.Shells => CompletionScript.Shells.Select(s => new Candidate(s)),
            CompletionSource.Commands => Commands(CommandTree.Root, _arguments),
            _ => await LiveNames.OfAsync(host, _host, _socket, source).ConfigureAwait(false),
        };
    }

    /// <summary>The commands of the group that the words lead to from a node; nothing if they lead elsewhere.</summary>
    private static IEnumerable<Candidate> Commands(CommandNode? node, IEnumerable<string> words)
    {
        foreach (var word in words)
        {
            node = (node as CommandGroup)?.Find(word);
        }

        return node is CommandGroup group ? group.Select(c => new Candidate(c.Name, FirstSentence(c.Description))) : [];
    }

    /// <summary>The values that the help names: <c>tls|classic</c>.</summary>
    private static IEnumerable<Candidate> Values(OptionInfo option) =>
        option.ValueName switch
        {
            "PATH" => [new Candidate(Files)],
            { } choices when choices.Contains('|', StringComparison.Ordinal) => choices
                .Split('|')
                .Select(c => new Candidate(c)),
            _ => [],
        };

    private static string FirstSentence(string text)
    {
        var end = text.IndexOfAny(['.', ':', ';', ',']);
        return end < 0 ? text : text[..end];
    }
}
