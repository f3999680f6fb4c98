// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Relay;

/// <summary>A relay that runs, with the rates of its traffic.</summary>
/// <param name="engine">What carries it.</param>
internal sealed class RunningRelay(IRelayEngine engine) : IDisposable
{
    private readonly RelayMeter _meter = new(RelayTimes.Now);

    /// <summary>What carries it.</summary>
    public IRelayEngine Engine => engine;

    /// <summary>The same, if it is a receiver.</summary>
    public ReceiverEngine? Receiver => engine as ReceiverEngine;

    /// <summary>How it is.</summary>
    public RelayStatus Status => engine.Status with { Rates = _meter.Rates };

    /// <summary>Looks after it, once a second.</summary>
    public void Tick()
    {
        engine.Tick();
        _meter.Tick(engine.Status.Traffic, RelayTimes.Now);
    }

    /// <inheritdoc/>
    public void Dispose() => engine.Dispose();
}
