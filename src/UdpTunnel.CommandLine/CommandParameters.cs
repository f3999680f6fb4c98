// SPDX-License-Identifier: BSD-3-Clause

using Cocona.Command;

namespace UdpTunnel.CommandLine;

/// <summary>An option of a command, or of every command.</summary>
public sealed class OptionInfo
{
    internal OptionInfo(CommandOptionDescriptor descriptor) => Descriptor = descriptor;

    /// <summary>As it is written: <c>--name</c>.</summary>
    public string Name => $"--{Descriptor.Name}";

    /// <summary>Its letters, as they are written: <c>-n</c>.</summary>
    public IEnumerable<string> Letters => Descriptor.ShortName.Select(letter => $"-{letter}");

    /// <summary>What it is for, in a sentence.</summary>
    public string Description => Descriptor.Description;

    /// <summary>What stands for its value in help, <c>NAME</c> or <c>tls|classic</c>; null for a flag.</summary>
    public string? ValueName => TakesValue ? Descriptor.ValueName : null;

    /// <summary>A word belongs to it; without one it is a flag.</summary>
    public bool TakesValue => Descriptor.OptionType != typeof(bool);

    /// <summary>It may be given again and again, with a value each time.</summary>
    public bool TakesMany => Descriptor.OptionType == typeof(string[]);

    /// <summary>The command does nothing without it.</summary>
    public bool IsRequired => Descriptor.IsRequired;

    /// <summary>What else was declared for it.</summary>
    public IEnumerable<Attribute> Attributes => Descriptor.ParameterAttributes;

    internal CommandOptionDescriptor Descriptor { get; }

    /// <summary>An option without a value.</summary>
    /// <param name="name">Without dashes.</param>
    /// <param name="description">What it is for.</param>
    /// <param name="letters">Its short forms, without dashes.</param>
    public static OptionInfo Flag(string name, string description, params char[] letters) =>
        Create(typeof(bool), name, letters, description, false, null);

    /// <summary>An option with a value, which need not be given.</summary>
    /// <param name="name">Without dashes.</param>
    /// <param name="valueName">What stands for the value in help.</param>
    /// <param name="description">What it is for.</param>
    public static OptionInfo Value(string name, string valueName, string description) =>
        Create(typeof(string), name, [], description, null, valueName);

    private static OptionInfo Create(
        Type type,
        string name,
        char[] letters,
        string description,
        object? defaultValue,
        string? valueName
    ) =>
        new(
            new CommandOptionDescriptor(
                type,
                name,
                letters,
                description,
                new CoconaDefaultValue(defaultValue),
                valueName,
                CommandOptionFlags.None,
                parameterAttributes: []
            )
        );
}

/// <summary>A place in a command line for a word that is no option.</summary>
public sealed class ArgumentInfo
{
    internal ArgumentInfo(CommandArgumentDescriptor descriptor) => Descriptor = descriptor;

    /// <summary>What stands for it in help: <c>NAME</c>.</summary>
    public string Name => Descriptor.Name;

    /// <summary>What it is, in a sentence.</summary>
    public string Description => Descriptor.Description;

    /// <summary>The command does nothing without it.</summary>
    public bool IsRequired => Descriptor.IsRequired;

    /// <summary>It takes as many words as there are.</summary>
    public bool TakesMany => Descriptor.IsEnumerableLike;

    /// <summary>What else was declared for it.</summary>
    public IEnumerable<Attribute> Attributes => Descriptor.ParameterAttributes;

    internal CommandArgumentDescriptor Descriptor { get; }
}
