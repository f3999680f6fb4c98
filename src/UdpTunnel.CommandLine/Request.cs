// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.CommandLine;

/// <summary>A command line that cannot be followed.</summary>
/// <param name="Message">What is wrong, without a full stop.</param>
/// <param name="Advice">Where to read on, and what may have been meant.</param>
public sealed record UsageMistake(string Message, string Advice)
{
    internal static UsageMistake Of(string path, string message, string? suggestion = null) =>
        new(message, $"{Question(suggestion)}See '{path} --help'.");

    internal static UsageMistake UnknownCommand(string path, CommandGroup group, string word) =>
        new($"'{word}' is not a command", $"{Question(group.Suggest(word))}'{path} --help' lists the commands.");

    private static string Question(string? suggestion) => suggestion is null ? "" : $"Did you mean '{suggestion}'? ";
}

/// <summary>A command line, understood: see <see cref="CommandLineReader"/>.</summary>
public sealed class Request
{
    private readonly IReadOnlyDictionary<OptionInfo, string> _values;
    private readonly object?[]? _parameters;

    internal Request(
        CommandNode node,
        string path,
        IReadOnlyDictionary<OptionInfo, string> values,
        UsageMistake? mistake,
        bool isUnknown,
        object?[]? parameters
    )
    {
        IsUnknown = isUnknown;
        Node = node;
        Path = path;
        Mistake = mistake;
        _values = values;
        _parameters = parameters;
    }

    /// <summary>The command that the words name, or the group at which they end.</summary>
    public CommandNode Node { get; }

    /// <summary>The words that name it, the program's first: <c>udptunnelctl relay sender</c>.</summary>
    public string Path { get; }

    /// <summary>Why it cannot be run; null if it can. Help and version are no matter of it.</summary>
    public UsageMistake? Mistake { get; }

    /// <summary>Whether a word that should name a command names none: there is no help of it.</summary>
    public bool IsUnknown { get; }

    /// <summary>A flag that was given.</summary>
    public bool IsSet(OptionInfo option) => _values.TryGetValue(option, out var value) && value == WordParser.True;

    /// <summary>The value of an option; null if it was not given.</summary>
    public string? ValueOf(OptionInfo option) => _values.GetValueOrDefault(option);

    /// <summary>Runs the command. Whatever it throws comes through.</summary>
    /// <param name="services">For the constructor of the command's class.</param>
    /// <returns>What the method returns, or 0.</returns>
    /// <exception cref="InvalidOperationException">There is a <see cref="Mistake"/>.</exception>
    public Task<int> RunAsync(params object[] services) =>
        Node is Command command && _parameters is not null
            ? command.RunAsync(services, _parameters)
            : throw new InvalidOperationException(Mistake?.Message);
}
