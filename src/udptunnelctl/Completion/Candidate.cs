// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Cli.Completion;

/// <summary>A word that may stand where the cursor is.</summary>
/// <param name="Word">As it is typed.</param>
/// <param name="Description">A few words beside it, which some shells show; may be empty.</param>
internal sealed record Candidate(string Word, string Description = "");
