// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics.CodeAnalysis;

namespace UdpTunnel.CommandLine;

/// <summary>
/// Options that several commands share are the properties of a class with <c>ICommandParameterSet</c>. Cocona finds
/// them by reflection, which nothing in the sources shows to the compiler: a method that has such a parameter says so,
/// or the options are missing in a program that is compiled ahead of time.
/// </summary>
/// <example><c>[DynamicDependency(ParameterSet.Members, typeof(RelayOptions))]</c></example>
public static class ParameterSet
{
    /// <summary>The members that are used.</summary>
    public const DynamicallyAccessedMemberTypes Members =
        DynamicallyAccessedMemberTypes.PublicConstructors | DynamicallyAccessedMemberTypes.PublicProperties;
}
