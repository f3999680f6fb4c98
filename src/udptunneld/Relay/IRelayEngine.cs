// SPDX-License-Identifier: BSD-3-Clause

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

    /// <summary>Applies changes that need no restart, while datagrams flow.</summary>
    /// <exception cref="Hosting.RequestException">They cannot be applied; everything is as it was.</exception>
    void Apply(Config.RelayConfig config);

    /// <summary>Looks after deadlines; called about once a second.</summary>
    void Tick();
}
