// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;

namespace UdpTunnel.State;

/// <summary>One file of the administrator's directory.</summary>
/// <param name="Path">Where it is.</param>
/// <param name="Name">Of what it describes; by the file's name if it cannot be read.</param>
/// <param name="Configuration">What it describes; null if it cannot be used.</param>
/// <param name="Diagnostics">Remarks about its text.</param>
/// <param name="Problem">Why it cannot be used, or empty.</param>
internal sealed record ConfiguredFile(
    string Path,
    string Name,
    Configuration? Configuration,
    IReadOnlyList<Diagnostic> Diagnostics,
    string Problem
);
