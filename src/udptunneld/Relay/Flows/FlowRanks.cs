// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Linux;

namespace UdpTunnel.Relay.Flows;

/// <summary>
/// In which order the flows of a table give way. Belongs to the table's thread.
/// </summary>
/// <remarks>
/// A new client finds room in a full table. First gives way whoever has taken more than a share of it: the longest idle
/// flow of a source with more than a sixteenth, or of a network with more than an eighth, that of the newcomer's own
/// source if it is among those. Where nobody has so many, the flow that is longest idle gives way, by its standing
/// (<see cref="FlowGroup.Yielding"/>); but not a conversation that goes on at this moment.
/// <para>
/// Before it is full nobody gives way: of many clients that begin at once all wait for an answer.
/// </para>
/// </remarks>
/// <param name="maxFlows">Most flows of the table.</param>
internal sealed class FlowRanks(int maxFlows)
{
    /// <summary>
    /// How long a flow that is no conversation may be idle while the table is nearly full, in milliseconds.
    /// </summary>
    public const long IdleUnderPressure = 10_000;

    /// <summary>A conversation that was used since so long goes on, in milliseconds.</summary>
    public const long InUse = 1_000;

    // In milliseconds: a flow moves in the lists at most so often, whatever it carries.
    private const long Precision = 200;

    private const int PressureShare = 8;
    private const int SourceShare = 16;
    private const int NetworkShare = 8;

    // In a small table nobody is greedy.
    private const int LeastSourceShare = 8;
    private const int LeastNetworkShare = 16;

    private readonly FlowGroup _all = new(0);
    private volatile int _maxFlows = maxFlows;
    private readonly FlowSources _sources = new(1);
    private readonly FlowSources _networks = new(2);

    /// <summary>Most flows of the table. Any thread may change it.</summary>
    public int MaxFlows
    {
        get => _maxFlows;
        set => _maxFlows = value;
    }

    /// <summary>Takes in a new flow.</summary>
    /// <param name="flow">The flow.</param>
    /// <param name="now">Milliseconds.</param>
    public void Add(RelayFlow flow, long now)
    {
        flow.Ranked = now;
        _all.Add(flow);
    }

    /// <summary>The same, of a source that may have no more than its share.</summary>
    /// <inheritdoc cref="Add(RelayFlow, long)"/>
    public void Add(RelayFlow flow, in SourceNetwork source, long now)
    {
        Add(flow, now);
        flow.Source = _sources.Find(source.Narrow);
        flow.Network = _networks.Find(source.Wide);
        _sources.Add(flow.Source, flow);
        _networks.Add(flow.Network, flow);
    }

    /// <summary>Forgets a flow.</summary>
    public void Remove(RelayFlow flow)
    {
        flow.IsEnded = true;
        _all.Remove(flow);
        if (flow.Source is not null)
        {
            _sources.Remove(flow.Source, flow);
            _networks.Remove(flow.Network!, flow);
        }
    }

    /// <summary>A client sends.</summary>
    public void OnRequest(RelayFlow flow, long now)
    {
        flow.Touch(now);
        if (flow.Standing == FlowStanding.Answered)
        {
            Move(flow, FlowStanding.Assured, now);
        }
        else if (now - flow.Ranked >= Precision)
        {
            Move(flow, flow.Standing, now);
        }
    }

    /// <summary>The service answers.</summary>
    public void OnAnswer(RelayFlow flow, long now)
    {
        flow.Touch(now);
        if (flow.Standing == FlowStanding.Unanswered)
        {
            Move(flow, FlowStanding.Answered, now);
        }
        else if (now - flow.Ranked >= Precision)
        {
            Move(flow, flow.Standing, now);
        }
    }

    /// <summary>The flow that gives way to a new one in a full table.</summary>
    /// <param name="now">Milliseconds.</param>
    /// <returns>Null if none does: all are conversations that go on.</returns>
    public RelayFlow? Yielding(long now)
    {
        var flow = _all.Yielding;
        return flow is { Standing: FlowStanding.Assured } && now - flow.LastUsed < InUse ? null : flow;
    }

    /// <inheritdoc cref="Yielding(long)"/>
    /// <param name="claimant">Whose the new one is.</param>
    /// <param name="now">Milliseconds.</param>
    public RelayFlow? Yielding(in SourceNetwork claimant, long now)
    {
        var greedy = _sources.Greediest(claimant.Narrow, Math.Max(LeastSourceShare, MaxFlows / SourceShare))
            ?? _networks.Greediest(claimant.Wide, Math.Max(LeastNetworkShare, MaxFlows / NetworkShare));
        return greedy?.Flows.Yielding ?? Yielding(now);
    }

    /// <summary>
    /// A flow that is idle for too long: for the timeout, or, while less than an eighth of the table is free, for
    /// <see cref="IdleUnderPressure"/> if it is no conversation.
    /// </summary>
    /// <param name="now">Milliseconds.</param>
    /// <param name="idleTimeout">In milliseconds.</param>
    /// <returns>Null for none; else the caller ends it and asks again.</returns>
    public RelayFlow? Overdue(long now, long idleTimeout)
    {
        var pressure = _all.Count > MaxFlows - (MaxFlows / PressureShare);
        return Overdue(FlowStanding.Answered, now, pressure ? Math.Min(idleTimeout, IdleUnderPressure) : idleTimeout)
            ?? Overdue(FlowStanding.Unanswered, now, pressure ? Math.Min(idleTimeout, IdleUnderPressure) : idleTimeout)
            ?? Overdue(FlowStanding.Assured, now, idleTimeout);
    }

    private RelayFlow? Overdue(FlowStanding standing, long now, long timeout)
    {
        while (_all.LongestIdle(standing) is { } flow && now - flow.Ranked >= timeout)
        {
            if (now - flow.LastUsed >= timeout)
            {
                return flow;
            }

            // It was used again so soon that it was not moved.
            Move(flow, standing, flow.LastUsed);
        }

        return null;
    }

    private void Move(RelayFlow flow, FlowStanding standing, long now)
    {
        _all.Remove(flow);
        flow.Source?.Flows.Remove(flow);
        flow.Network?.Flows.Remove(flow);
        flow.Standing = standing;
        flow.Ranked = now;
        _all.Add(flow);
        flow.Source?.Flows.Add(flow);
        flow.Network?.Flows.Add(flow);
    }
}
