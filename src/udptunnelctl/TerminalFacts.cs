namespace UdpTunnel.Cli;

/// <summary>What is known about the terminal.</summary>
internal sealed record TerminalFacts
{
    /// <summary>Standard input is a terminal, so a question can be answered.</summary>
    public bool InputIsTerminal { get; init; }

    /// <summary>Standard output is a terminal.</summary>
    public bool OutputIsTerminal { get; init; }

    /// <summary>Standard error is a terminal, so that a question is seen.</summary>
    public bool ErrorIsTerminal { get; init; }

    /// <summary>Rows of the terminal now; 0 if not known. Asked for again with each redraw, since windows are resized.</summary>
    public Func<int> Rows { get; init; } = () => 0;
}
