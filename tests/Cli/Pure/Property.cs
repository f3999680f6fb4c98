// SPDX-License-Identifier: BSD-3-Clause

using FsCheck;
using FsCheck.Fluent;

namespace UdpTunnel.Tests.Cli;

/// <summary>Runs a property over many generated cases; a failure shows the smallest case and the seed.</summary>
internal static class Property
{
    public static void ForAll<T>(Func<T, bool> holds, int cases = 1000) =>
        Check.One(FsCheck.Config.QuickThrowOnFailure.WithMaxTest(cases), Prop.ForAll<T>(value => holds(value)));
}
