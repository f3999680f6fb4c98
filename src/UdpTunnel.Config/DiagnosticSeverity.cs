// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Config;

/// <summary>How grave a <see cref="Diagnostic"/> is.</summary>
public enum DiagnosticSeverity
{
    /// <summary>Accepted, but not what the writer may think.</summary>
    Warning,

    /// <summary>The text gives no configuration.</summary>
    Error,
}
