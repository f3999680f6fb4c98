// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Config;

/// <summary>What <see cref="ConfigFile.Parse"/> found.</summary>
public sealed class ConfigResult
{
    internal ConfigResult(Configuration? configuration, IReadOnlyList<Diagnostic> diagnostics)
    {
        Configuration = configuration;
        Diagnostics = diagnostics;
    }

    /// <summary>The configuration; null exactly when <see cref="Diagnostics"/> has an error.</summary>
    public Configuration? Configuration { get; }

    /// <summary>All remarks, in the order of the text; those about the text as a whole come first.</summary>
    public IReadOnlyList<Diagnostic> Diagnostics { get; }
}
