// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Cli;

/// <summary>Which of the standard streams are terminals.</summary>
internal sealed record TerminalFacts
{
    /// <summary>Standard input is a terminal, so a question can be answered.</summary>
    public bool InputIsTerminal { get; init; }

    /// <summary>Standard output is a terminal.</summary>
    public bool OutputIsTerminal { get; init; }

    /// <summary>Standard error is a terminal, so that a question is seen.</summary>
    public bool ErrorIsTerminal { get; init; }
}
