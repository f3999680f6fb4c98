// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using Cocona.Command;
using Cocona.Command.Binder;
using Cocona.Command.Binder.Validation;
using Cocona.CommandLine;

namespace UdpTunnel.CommandLine;

/// <summary>
/// Words become the parameters of a command's method. Cocona's binder does it; values and messages are ours.
/// </summary>
internal static class ParameterBinding
{
    /// <summary>The values of the method's parameters.</summary>
    /// <param name="command">The command.</param>
    /// <param name="words">What was given.</param>
    /// <param name="mistake">Why there are none; else null.</param>
    public static object?[]? Bind(CommandDescriptor command, WordParser words, out string? mistake)
    {
        // Cocona would leave out what is too much.
        var arguments = words.Arguments;
        if (arguments.Count > command.Arguments.Count && !command.Arguments.Any(a => a.IsEnumerableLike))
        {
            mistake = $"'{arguments[command.Arguments.Count]}' is too much";
            return null;
        }

        var binder = new CoconaParameterBinder(new NoServices(), new ValueConverter(), new DeclaredValidators());
        try
        {
            mistake = null;
            return binder.Bind(
                command,
                [
                    .. words.Values.Select(v => new CommandOption(v.Key.Descriptor, v.Value, 0)),
                    .. words.More.Select(v => new CommandOption(v.Option.Descriptor, v.Value, 0)),
                ],
                [.. arguments.Select((word, i) => new CommandArgument(word, i))]
            );
        }
        catch (ParameterBinderException e)
        {
            var name = e.Option is { } option ? $"--{option.Name}" : e.Argument?.Name;
            mistake = e switch
            {
                { Result: ParameterBinderResult.InsufficientOption or ParameterBinderResult.InsufficientArgument } =>
                    $"{name} is missing",
                { InnerException: FormatException inner } => $"{name}: {inner.Message}",
                _ => e.Message,
            };
            return null;
        }
    }

    /// <summary>The commands take what they need by their constructors.</summary>
    private sealed class NoServices : IServiceProvider
    {
        public object? GetService(Type serviceType) => null;
    }

    /// <summary>
    /// The types that options have. Cocona's own would look for converters by reflection, and read numbers in any
    /// notation.
    /// </summary>
    private sealed class ValueConverter : ICoconaValueConverter
    {
        /// <exception cref="FormatException">The word is not of the type; says so to the user.</exception>
        public object? ConvertTo(Type t, string? value)
        {
            var type = Nullable.GetUnderlyingType(t) ?? t;
            if (value is null || type == typeof(string))
            {
                return value;
            }

            if (type == typeof(bool))
            {
                return value == WordParser.True;
            }

            if (type == typeof(TimeSpan))
            {
                return DurationText.TryParse(value, out var duration)
                    ? duration
                    : throw new FormatException($"'{value}' is not a duration, such as 500ms, 1s, 2m or 1h");
            }

            if (type == typeof(long))
            {
                return long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
                    ? number
                    : throw new FormatException($"'{value}' is not a whole number");
            }

            throw new NotSupportedException(type.FullName);
        }
    }

    /// <summary>The validators are attributes of the parameters.</summary>
    private sealed class DeclaredValidators : ICoconaParameterValidatorProvider
    {
        public IEnumerable<ICoconaParameterValidator> CreateValidators(ICommandParameterDescriptor parameter) =>
            parameter.ParameterAttributes.OfType<ICoconaParameterValidator>();
    }
}
