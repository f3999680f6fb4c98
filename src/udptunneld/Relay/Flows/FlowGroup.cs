// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.CompilerServices;

namespace UdpTunnel.Relay.Flows;

/// <summary>How far a flow has come, as conntrack tells 'unreplied' and 'assured' apart.</summary>
internal enum FlowStanding
{
    /// <summary>The service has not answered.</summary>
    Unanswered,

    /// <summary>It has, and the client has said nothing since: a question and its answer.</summary>
    Answered,

    /// <summary>The client went on after an answer: a conversation.</summary>
    Assured,
}

/// <summary>
/// Flows that share a bound: all of a table, those of one source, those of one network. Within each standing the flow
/// that is longest idle comes first. Belongs to the table's thread.
/// </summary>
/// <param name="list">Which of a flow's links it uses: a flow is in one group of each kind.</param>
internal sealed class FlowGroup(int list)
{
    // What a standing may hold before it gives way to others: so a flow has time to be answered also where all others
    // have been, and half of a table stays with conversations.
    private const int Share = 4;

    private FlowQueue _unanswered;
    private FlowQueue _answered;
    private FlowQueue _assured;

    /// <summary>Flows in it.</summary>
    public int Count => _unanswered.Count + _answered.Count + _assured.Count;

    /// <summary>
    /// The flow that gives way to another: unanswered ones before those with one answer, and those before
    /// conversations, unless they are a quarter of the group or less. Null if it is empty.
    /// </summary>
    public RelayFlow? Yielding =>
        _unanswered.Count > Count / Share ? _unanswered.First
        : _answered.Count > Count / Share ? _answered.First
        : _assured.First;

    /// <summary>The flow of a standing that is longest idle; null for none.</summary>
    public RelayFlow? LongestIdle(FlowStanding standing) => Queue(standing).First;

    /// <summary>Adds a flow behind the others of its standing: it was used just now.</summary>
    public void Add(RelayFlow flow) => Queue(flow.Standing).Append(flow, list);

    /// <summary>Forgets a flow.</summary>
    public void Remove(RelayFlow flow) => Queue(flow.Standing).Remove(flow, list);

    private ref FlowQueue Queue(FlowStanding standing)
    {
        switch (standing)
        {
            case FlowStanding.Unanswered:
                return ref _unanswered;
            case FlowStanding.Answered:
                return ref _answered;
            default:
                return ref _assured;
        }
    }

    /// <summary>A list of flows, linked through the flows themselves.</summary>
    private struct FlowQueue
    {
        public RelayFlow? First;
        public int Count;
        private RelayFlow? _last;

        public void Append(RelayFlow flow, int list)
        {
            flow.Links[list] = new FlowLink { Previous = _last };
            if (_last is null)
            {
                First = flow;
            }
            else
            {
                _last.Links[list].Next = flow;
            }

            _last = flow;
            Count++;
        }

        public void Remove(RelayFlow flow, int list)
        {
            var link = flow.Links[list];
            flow.Links[list] = default;
            if (link.Previous is null)
            {
                First = link.Next;
            }
            else
            {
                link.Previous.Links[list].Next = link.Next;
            }

            if (link.Next is null)
            {
                _last = link.Previous;
            }
            else
            {
                link.Next.Links[list].Previous = link.Previous;
            }

            Count--;
        }
    }
}

/// <summary>A flow's place in a list.</summary>
internal struct FlowLink
{
    public RelayFlow? Previous;
    public RelayFlow? Next;
}

/// <summary>A flow's places in the lists of its table, its source and its network.</summary>
[InlineArray(Count)]
internal struct FlowLinks
{
    /// <summary>How many there are.</summary>
    public const int Count = 3;

    private FlowLink _first;
}
