// SPDX-License-Identifier: BSD-3-Clause

using System.Reflection;
using System.Reflection.Emit;

namespace UdpTunnel.Tests.Architecture;

/// <summary>Which folder of the daemon uses which, read from the compiled program: a folder is a namespace.</summary>
internal static class FolderGraph
{
    private const string Root = "UdpTunnel";
    private const BindingFlags All =
        BindingFlags.Public
        | BindingFlags.NonPublic
        | BindingFlags.Static
        | BindingFlags.Instance
        | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<short, OpCode> OpCodesByValue = typeof(OpCodes)
        .GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(f => (OpCode)f.GetValue(null)!)
        .ToDictionary(o => o.Value);

    /// <summary>For each folder the others that its types use, with one example each.</summary>
    public static Dictionary<string, SortedDictionary<string, string>> Of(Assembly assembly)
    {
        var graph = new Dictionary<string, SortedDictionary<string, string>>();
        foreach (var type in assembly.GetTypes())
        {
            if (FolderOf(type, assembly) is not { } folder)
            {
                continue;
            }

            var uses = graph.TryGetValue(folder, out var known) ? known : graph[folder] = new(StringComparer.Ordinal);
            foreach (var used in TypesOf(type).SelectMany(Parts))
            {
                if (FolderOf(used, assembly) is { } other && other != folder)
                {
                    uses.TryAdd(other, $"{type.Name} uses {used.Name}");
                }
            }
        }

        return graph;
    }

    /// <summary>
    /// The folder of a type; "Daemon" for the ones beside the folders, null for what the compiler and protoc make.
    /// </summary>
    private static string? FolderOf(Type type, Assembly assembly)
    {
        if (
            type.Assembly != assembly
            || type.Namespace is not { } name
            || type.DeclaringType is { } outer && FolderOf(outer, assembly) is null
        )
        {
            return null;
        }

        var parts = name.Split('.');
        return parts[0] != Root || parts.Contains("V1") ? null
            : parts.Length == 1 ? "Daemon"
            : parts[1];
    }

    private static IEnumerable<Type> Parts(Type type)
    {
        while (type.HasElementType)
        {
            type = type.GetElementType()!;
        }

        return type.IsGenericType
            ? type.GetGenericArguments().SelectMany(Parts).Append(type.GetGenericTypeDefinition())
            : [type];
    }

    private static IEnumerable<Type> TypesOf(Type type)
    {
        IEnumerable<Type?> outer = [type.BaseType, .. type.GetInterfaces()];
        var fields = type.GetFields(All).Select(f => f.FieldType);
        var methods = type.GetMethods(All).Cast<MethodBase>().Concat(type.GetConstructors(All)).SelectMany(TypesOf);
        return outer.Concat(fields).Concat(methods).OfType<Type>();
    }

    private static IEnumerable<Type> TypesOf(MethodBase method)
    {
        foreach (var parameter in method.GetParameters())
        {
            yield return parameter.ParameterType;
        }

        if (method is MethodInfo { ReturnType: { } result })
        {
            yield return result;
        }

        if (method.GetMethodBody() is not { } body)
        {
            yield break;
        }

        foreach (var local in body.LocalVariables)
        {
            yield return local.LocalType;
        }

        foreach (
            var clause in body.ExceptionHandlingClauses.Where(c => c.Flags == ExceptionHandlingClauseOptions.Clause)
        )
        {
            yield return clause.CatchType!;
        }

        foreach (var member in Tokens(body.GetILAsByteArray()!).Select(t => Resolve(method, t)))
        {
            if ((member as Type ?? member?.DeclaringType) is { } used)
            {
                yield return used;
            }

            if (member is FieldInfo field)
            {
                yield return field.FieldType;
            }
        }
    }

    /// <summary>The tokens of types and members in a method's code (ECMA-335, partition III).</summary>
    private static IEnumerable<int> Tokens(byte[] code)
    {
        var at = 0;
        while (at < code.Length)
        {
            short value = code[at++];
            if (value == 0xfe)
            {
                value = (short)((value << 8) | code[at++]);
            }

            var operand = OpCodesByValue[value].OperandType;
            if (
                operand
                is OperandType.InlineField
                    or OperandType.InlineMethod
                    or OperandType.InlineTok
                    or OperandType.InlineType
            )
            {
                yield return BitConverter.ToInt32(code, at);
            }

            at += operand switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(code, at)),
                _ => 4,
            };
        }
    }

    private static MemberInfo? Resolve(MethodBase method, int token)
    {
        var ofType = method.DeclaringType is { IsGenericType: true } type ? type.GetGenericArguments() : null;
        return method.Module.ResolveMember(token, ofType, method.IsGenericMethod ? method.GetGenericArguments() : null);
    }
}
