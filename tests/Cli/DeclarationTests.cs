// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using Cocona;
using UdpTunnel.Cli.Commands;

namespace UdpTunnel.Tests.Cli;

/// <summary>What every class of a command has to say, and nothing but a look at all of them would notice.</summary>
public sealed class DeclarationTests
{
    private static readonly IReadOnlyList<MethodInfo> Methods =
    [
        .. typeof(CommandTree)
            .Assembly.GetTypes()
            .SelectMany(t => t.GetMethods())
            .Where(m => m.GetCustomAttribute<CommandAttribute>() is not null),
    ];

    private static readonly IReadOnlyList<CommandNode> Nodes = [.. All(CommandTree.Root)];

    [Fact]
    public void Every_method_that_is_a_command_is_in_the_tree() =>
        Assert.Equal(Methods.Count, Nodes.OfType<Command>().Count());

    [Fact]
    public void A_parameter_set_is_named_to_the_compiler_that_compiles_ahead_of_time()
    {
        foreach (var method in Methods)
        {
            var sets = method.GetParameters().Select(p => p.ParameterType).Where(IsSet);
            var named = method
                .GetCustomAttributes<DynamicDependencyAttribute>()
                .Where(d => d.MemberTypes == ParameterSet.Members)
                .Select(d => d.Type);
            Assert.Equal(sets, named);
        }
    }

    [Fact]
    public void Every_parameter_says_where_it_stands_and_every_property_of_a_set_too()
    {
        // Cocona takes a parameter without an attribute for an option of the parameter's name.
        foreach (var parameter in Methods.SelectMany(m => m.GetParameters()))
        {
            if (IsSet(parameter.ParameterType))
            {
                Assert.All(parameter.ParameterType.GetProperties(), p =>
                    Assert.NotNull(p.GetCustomAttribute<OptionAttribute>())
                );
            }
            else
            {
                Assert.True(
                    parameter.GetCustomAttributes().Any(a => a is OptionAttribute or ArgumentAttribute),
                    $"{parameter.Member.DeclaringType}: {parameter.Name}"
                );
            }
        }
    }

    [Fact]
    public void Every_command_option_and_argument_has_a_description_and_every_value_a_name()
    {
        foreach (var node in Nodes)
        {
            Assert.NotEmpty(node.Description);
            Assert.NotEmpty(node.Examples);
            Assert.All(node.Arguments, a => Assert.NotEmpty(a.Description));
            Assert.All(node.Options, o =>
            {
                Assert.NotEmpty(o.Description);
                Assert.False(o.ValueName is "String" or "Int64" or "TimeSpan" or "Nullable`1", o.Name);
            });
        }
    }

    [Fact]
    public void No_word_names_two_things()
    {
        foreach (var group in Nodes.OfType<CommandGroup>())
        {
            var words = group.SelectMany(n => n.Aliases.Concat(n.InsteadOf).Append(n.Name)).ToList();
            Assert.Equal(words.Distinct(), words);
        }

        foreach (var node in Nodes)
        {
            var words = ControlProgram.Reader.OptionsOf(node).SelectMany(o => o.Letters.Append(o.Name)).ToList();
            Assert.Equal(words.Distinct(), words);
        }
    }

    private static bool IsSet(Type type) => type.IsAssignableTo(typeof(ICommandParameterSet));

    private static IEnumerable<CommandNode> All(CommandNode node) =>
        node is CommandGroup group ? group.SelectMany(All).Prepend(node) : [node];
}
