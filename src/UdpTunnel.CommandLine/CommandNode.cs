// SPDX-License-Identifier: BSD-3-Clause

using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using Cocona.Command;

namespace UdpTunnel.CommandLine;

/// <summary>A word of the command line that names something to do: a command, or a group of commands.</summary>
/// <param name="name">The word.</param>
public abstract class CommandNode(string name)
{
    /// <summary>The word that names it.</summary>
    public string Name { get; } = name;

    /// <summary>Other words that name it as well. Help does not list them.</summary>
    public IReadOnlyList<string> Aliases { get; init; } = [];

    /// <summary>Words of other programs, which are answered with a question: did you mean this one?</summary>
    public IReadOnlyList<string> InsteadOf { get; init; } = [];

    /// <summary>What it does. Lists show the first sentence, up to where it explains itself.</summary>
    public abstract string Description { get; }

    /// <summary>Whole command lines for the end of the help.</summary>
    public abstract IReadOnlyList<string> Examples { get; }

    /// <summary>Its own options, without those that every command has.</summary>
    public virtual IReadOnlyList<OptionInfo> Options => [];

    /// <summary>Its arguments in their order.</summary>
    public virtual IReadOnlyList<ArgumentInfo> Arguments => [];
}

/// <summary>Commands under a common word.</summary>
/// <param name="name">The word; the program's name if it stands for all of them.</param>
/// <param name="description">What they are for.</param>
/// <param name="examples">Whole command lines for the end of the help.</param>
public sealed class CommandGroup(string name, string description, params string[] examples)
    : CommandNode(name),
        IEnumerable<CommandNode>
{
    private readonly List<CommandNode> _nodes = [];

    /// <inheritdoc/>
    public override string Description { get; } = description;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples { get; } = examples;

    /// <summary>Adds a command or a group, in the order that help shows.</summary>
    public void Add(CommandNode node) => _nodes.Add(node);

    /// <summary>The one of this name or alias; null if there is none. Upper and lower case differ.</summary>
    public CommandNode? Find(string word) => _nodes.Find(n => n.Name == word || n.Aliases.Contains(word));

    /// <inheritdoc/>
    public IEnumerator<CommandNode> GetEnumerator() => _nodes.GetEnumerator();

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>
    /// The words that somebody may have meant by one that names nothing here; null if nothing is near.
    /// </summary>
    internal string? Suggest(string word) =>
        _nodes.Find(n => n.InsteadOf.Contains(word, StringComparer.OrdinalIgnoreCase))?.Name
        ?? _nodes
            .OfType<CommandGroup>()
            .SelectMany(g => g._nodes.Where(n => n.Name == word).Select(n => $"{g.Name} {n.Name}"))
            .FirstOrDefault()
        ?? NearestName.Of(word, _nodes.Select(n => n.Name));
}

/// <summary>
/// A class with one public method, <c>RunAsync</c>, whose parameters are the command's options and arguments. What
/// Cocona's attributes say of it is read when somebody asks, which is for one command of a run: reading all would take
/// longer than most commands run.
/// </summary>
public sealed class Command : CommandNode
{
    private const DynamicallyAccessedMemberTypes Used =
        DynamicallyAccessedMemberTypes.PublicConstructors | DynamicallyAccessedMemberTypes.PublicMethods;

    private const string Method = "RunAsync";

    [DynamicallyAccessedMembers(Used)]
    private readonly Type _type;

    private Declaration? _declaration;

    private Command(string name, [DynamicallyAccessedMembers(Used)] Type type)
        : base(name) => _type = type;

    /// <inheritdoc/>
    public override string Description => Declared.Command.Description;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples => Declared.Examples;

    /// <inheritdoc/>
    public override IReadOnlyList<OptionInfo> Options => Declared.Options;

    /// <inheritdoc/>
    public override IReadOnlyList<ArgumentInfo> Arguments => Declared.Arguments;

    internal CommandDescriptor Descriptor => Declared.Command;

    private Declaration Declared =>
        _declaration ??= new Declaration(
            _type.GetMethod(Method) ?? throw new MissingMethodException(_type.FullName, Method)
        );

    /// <summary>The command of a class.</summary>
    /// <typeparam name="T">Has the method, and one public constructor.</typeparam>
    /// <param name="name">The word that names it.</param>
    /// <param name="aliases">See <see cref="CommandNode.Aliases"/>.</param>
    /// <param name="insteadOf">See <see cref="CommandNode.InsteadOf"/>.</param>
    public static Command Of<[DynamicallyAccessedMembers(Used)] T>(
        string name,
        string[]? aliases = null,
        string[]? insteadOf = null
    )
        where T : class => new(name, typeof(T)) { Aliases = aliases ?? [], InsteadOf = insteadOf ?? [] };

    /// <summary>Makes the object and calls the method.</summary>
    /// <param name="services">For the constructor.</param>
    /// <param name="values">For the method.</param>
    internal async Task<int> RunAsync(object[] services, object?[] values)
    {
        var target = Activator.CreateInstance(_type, services);
        var task = (Task)Declared.Command.Method.Invoke(target, BindingFlags.DoNotWrapExceptions, null, values, null)!;
        await task.ConfigureAwait(false);
        return task is Task<int> { Result: var exitCode } ? exitCode : 0;
    }

    /// <summary>What the attributes say.</summary>
    private sealed class Declaration(MethodInfo method)
    {
        public CommandDescriptor Command { get; } =
            new CoconaCommandProvider(Type.EmptyTypes, CommandProviderOptions.None).CreateCommand(
                method,
                isSingleCommand: false,
                new(),
                target: null
            );

        public IReadOnlyList<OptionInfo> Options => field ??= [.. Command.Options.Select(o => new OptionInfo(o))];

        public IReadOnlyList<ArgumentInfo> Arguments =>
            field ??= [.. Command.Arguments.OrderBy(a => a.Order).Select(a => new ArgumentInfo(a))];

        public IReadOnlyList<string> Examples => [.. Command.Metadata.OfType<ExampleAttribute>().Select(e => e.Line)];
    }
}

/// <summary>A whole command line for the end of a command's help.</summary>
/// <param name="line">As every shell takes it: a glob character outside quotes ends a zsh.</param>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
public sealed class ExampleAttribute(string line) : Attribute
{
    /// <summary>The command line.</summary>
    public string Line { get; } = line;
}
