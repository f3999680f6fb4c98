// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.CommandLine;

/// <summary>
/// Tells options from arguments as getopt_long(3) does: <c>--name VALUE</c>, <c>--name=VALUE</c>, <c>-n VALUE</c>,
/// <c>-nVALUE</c>, <c>-n=VALUE</c>, flags of one letter together, options and arguments in any order, nothing but
/// arguments behind <c>--</c>. A lone <c>-</c> is an argument. Cocona's own parser lets too much pass: a doubled
/// option, a flag's value that is neither true nor false, an option for a value.
/// </summary>
/// <param name="options">Those that there are.</param>
internal sealed class WordParser(IReadOnlyList<OptionInfo> options)
{
    /// <summary>The value of a flag that was given.</summary>
    public const string True = "true";

    private const string False = "false";

    private readonly Dictionary<OptionInfo, string> _values = [];
    private readonly List<(OptionInfo Option, string Value)> _more = [];
    private readonly List<string> _arguments = [];

    /// <summary>The options that were given, with their values; of one that takes many the first.</summary>
    public IReadOnlyDictionary<OptionInfo, string> Values => _values;

    /// <summary>The further values of options that take many.</summary>
    public IReadOnlyList<(OptionInfo Option, string Value)> More => _more;

    /// <summary>All other words.</summary>
    public IReadOnlyList<string> Arguments => _arguments;

    /// <summary>The first thing that is wrong; null if nothing is.</summary>
    public string? Mistake { get; private set; }

    /// <summary>The option that may have been meant by an unknown one.</summary>
    public string? Suggestion { get; private set; }

    /// <summary>A word that begins as options do.</summary>
    public static bool IsOption(string word) => word.Length > 1 && word[0] == '-';

    /// <summary>
    /// The option that a word names, with or without a value in the same word; null if it names none.
    /// </summary>
    public OptionInfo? Find(string word)
    {
        var name = word.Split('=', 2)[0];
        return options.FirstOrDefault(o => o.Name == name || o.Letters.Contains(name));
    }

    private bool IsKnown(string word) => IsOption(word) && Find(word) is not null;

    /// <summary>Takes the words.</summary>
    public void Parse(IReadOnlyList<string> words)
    {
        for (var i = 0; i < words.Count; i++)
        {
            var word = words[i];
            if (word == "--")
            {
                _arguments.AddRange(words.Skip(i + 1));
                return;
            }

            if (!IsOption(word))
            {
                _arguments.Add(word);
                continue;
            }

            var next = i + 1 < words.Count && !IsKnown(words[i + 1]) ? words[i + 1] : null;
            if (word.StartsWith("--", StringComparison.Ordinal) ? Long(word, next) : Letters(word, next))
            {
                i++;
            }
        }
    }

    /// <returns>True if the next word was taken as the value.</returns>
    private bool Long(string word, string? next)
    {
        var parts = word.Split('=', 2);
        if (Find(word) is not { } option)
        {
            Unknown(parts[0], parts[0]);
            return false;
        }

        return Take(option, option.Name, parts.Length > 1 ? parts[1] : null, next);
    }

    /// <returns>True if the next word was taken as the value.</returns>
    private bool Letters(string word, string? next)
    {
        for (var at = 1; at < word.Length; at++)
        {
            var letter = $"-{word[at]}";
            var rest = word[(at + 1)..];
            if (Find(letter) is not { } option)
            {
                Unknown(word.Length == 2 ? letter : $"{letter}' in '{word}", word);
                return false;
            }

            if (option.TakesValue || rest.StartsWith('='))
            {
                return Take(option, letter, rest.Length == 0 ? null : rest.TrimStart('='), next);
            }

            Take(option, letter, null, null);
        }

        return false;
    }

    /// <returns>True if the next word was taken as the value.</returns>
    private bool Take(OptionInfo option, string written, string? value, string? next)
    {
        if (!option.TakesValue)
        {
            _values[option] = value ?? True;
            if (value is not (null or True or False))
            {
                Mistake ??= $"'{written}' takes no value";
            }
        }
        else if ((value ?? next) is not { } given)
        {
            Mistake ??= $"'{written}' needs a value: {option.ValueName}";
        }
        else if (!_values.TryAdd(option, given))
        {
            if (option.TakesMany)
            {
                _more.Add((option, given));
            }
            else
            {
                Mistake ??= $"'{option.Name}' is given twice";
            }
        }

        return option.TakesValue && value is null && next is not null;
    }

    private void Unknown(string written, string word)
    {
        if (Mistake is null)
        {
            Mistake = $"'{written}' is not an option of this command";
            Suggestion = NearestName.Of(word, options.Select(o => o.Name));
        }
    }
}
