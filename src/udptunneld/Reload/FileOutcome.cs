// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;

namespace UdpTunnel.Reload;

/// <summary>What became of one file of the configuration directory.</summary>
/// <param name="File">Its path.</param>
/// <param name="Name">Of the tunnel or relay.</param>
/// <param name="Action">What it asks for.</param>
internal sealed record FileOutcome(string File, string Name, FileAction Action)
{
    /// <summary>Whether the action was done.</summary>
    public bool Applied { get; init; }

    /// <summary>The fields that differ.</summary>
    public IReadOnlyList<FieldChange> Changes { get; init; } = [];

    /// <summary>Why it was not applied, or why it does not run; else empty.</summary>
    public string Problem { get; init; } = "";

    /// <summary>Remarks about the file's text.</summary>
    public IReadOnlyList<Diagnostic> Diagnostics { get; init; } = [];
}
