namespace UdpTunnel.Relay;

/// <summary>One running relay, whichever end.</summary>
internal interface IRelayEngine : IDisposable
{
    /// <summary>How it is.</summary>
    RelayStatus Status { get; }

    /// <summary>Its live flows.</summary>
    IReadOnlyList<FlowStatus> Flows { get; }

    /// <summary>Why it has ended by itself and has to be started again; null while it runs.</summary>
    string? Failure { get; }

    /// <summary>Looks after deadlines; called about once a second.</summary>
    void Tick();
}
