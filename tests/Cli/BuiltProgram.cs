// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Cli;

/// <summary>The real program.</summary>
internal static class BuiltProgram
{
    /// <summary>
    /// In the directory that UDPTUNNEL_BIN names, for example compiled ahead of time; else as it was built, in its own
    /// directory: the copy beside the tests lacks what the tests' web framework brings with it.
    /// </summary>
    public static readonly string Path = System.IO.Path.GetFullPath(
        System.IO.Path.Combine(
            Environment.GetEnvironmentVariable("UDPTUNNEL_BIN") is { Length: > 0 } given ? given : OwnDirectory,
            "udptunnelctl"
        )
    );

    private static string OwnDirectory =>
        System.IO.Path.Combine(
            AppContext.BaseDirectory,
            "../../../../../src/udptunnelctl/bin",
            System.IO.Path.GetRelativePath(
                System.IO.Path.Combine(AppContext.BaseDirectory, "../.."),
                AppContext.BaseDirectory
            )
        );
}
