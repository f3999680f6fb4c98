// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Filter;

/// <summary>
/// The flow table as its documentation says it of flows of UDP, with a list that is searched from end to end. The model
/// that the real one is compared with.
/// </summary>
internal sealed class NaiveFlowTable(int maxFlows, Func<int, int> ownerOf)
{
    private readonly List<Flow> _flows = [];
    private readonly Dictionary<int, (int Class, int Since)> _classes = [];
    private int _step;

    /// <summary>Live flows that gave way.</summary>
    public int Displaced { get; private set; }

    public IEnumerable<Flow> Alive(uint now) => _flows.Where(flow => IsAlive(flow, now));

    public int Count(uint now) => Alive(now).Count();

    public bool Answer(int number, uint now)
    {
        Flow? flow = Alive(now).FirstOrDefault(f => f.Number == number);
        if (flow is { IsAnswered: false })
        {
            flow.IsAnswered = true;
            flow.Place = flow.PlaceAtOwner = ++_step;
        }

        return flow is not null;
    }

    public void Remember(int number, uint now)
    {
        if (Alive(now).FirstOrDefault(f => f.Number == number) is { } known)
        {
            if (known.Used != now)
            {
                known.Used = now;
                known.Place = known.PlaceAtOwner = ++_step;
            }

            return;
        }

        Forget(_flows.FirstOrDefault(f => f.Number == number));
        int left = 2;
        foreach (bool isAnswered in (bool[])[false, true])
        {
            while (
                left > 0
                && _flows.Where(f => f.IsAnswered == isAnswered).MinBy(f => f.Place) is { } oldest
                && !IsAlive(oldest, now)
            )
            {
                Forget(oldest);
                left--;
            }
        }

        int owner = ownerOf(number);
        if (_flows.Count == maxFlows)
        {
            int most = _classes.Values.Max(c => c.Class);
            int giver =
                _classes.TryGetValue(owner, out (int Class, int Since) own) && own.Class == most
                    ? owner
                    : _classes.Where(c => c.Value.Class == most).MinBy(c => c.Value.Since).Key;
            Flow[] unanswered = [.. _flows.Where(f => f.Owner == giver && !f.IsAnswered)];
            Flow[] answered = [.. _flows.Where(f => f.Owner == giver && f.IsAnswered)];
            bool isUnanswered = unanswered.Length * 8 >= unanswered.Length + answered.Length;
            Flow gives = (isUnanswered ? unanswered : answered).MinBy(f => f.PlaceAtOwner)!;
            Displaced += IsAlive(gives, now) ? 1 : 0;
            Forget(gives);
        }

        ++_step;
        _flows.Add(
            new Flow
            {
                Number = number,
                Owner = owner,
                Used = now,
                Place = _step,
                PlaceAtOwner = _step,
            }
        );
        Classify(owner);
    }

    private static bool IsAlive(Flow flow, uint now) => now - flow.Used < (flow.IsAnswered ? 300u : 120u);

    private void Forget(Flow? flow)
    {
        if (flow is not null)
        {
            _flows.Remove(flow);
            Classify(flow.Owner);
        }
    }

    private void Classify(int owner)
    {
        int flows = _flows.Count(f => f.Owner == owner);
        if (flows == 0)
        {
            _classes.Remove(owner);
        }
        else if (!_classes.TryGetValue(owner, out (int Class, int Since) before) || before.Class != int.Log2(flows))
        {
            _classes[owner] = (int.Log2(flows), ++_step);
        }
    }

    internal sealed class Flow
    {
        public int Number { get; init; }

        public int Owner { get; init; }

        public uint Used { get; set; }

        public bool IsAnswered { get; set; }

        public int Place { get; set; }

        public int PlaceAtOwner { get; set; }
    }
}
