// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Config;
using UdpTunnel.Linux;

namespace UdpTunnel.Relay.Approval;

/// <summary>
/// Who may be the sender of one receiver: the one that is let in, those that wait for a person, and the keys that are
/// remembered. Pure: the caller keeps one call at a time, and closes the connections.
/// </summary>
/// <remarks>
/// Strangers cannot push anybody out: when the places are taken, later ones are refused, and one network has only some
/// of them. A remembered key needs no such place, and there is one connection for each key.
/// </remarks>
/// <param name="remembered">What was remembered before.</param>
/// <param name="time">
/// Its monotonic clock says who has waited for too long; the wall clock, which may be set, only what people are shown.
/// </param>
internal sealed class Approvals<T>(IEnumerable<ApprovedSender> remembered, TimeProvider time)
    where T : class, IApplicant
{
    /// <summary>Strangers that may wait.</summary>
    public const int MaxWaiting = 64;

    /// <summary>Of these, from one address or /64.</summary>
    public const int MaxWaitingPerNetwork = 4;

    /// <summary>Of these, from one /24 or /48.</summary>
    public const int MaxWaitingPerWideNetwork = 16;

    /// <summary>Keys that may be remembered.</summary>
    public const int MaxRemembered = 64;

    /// <summary>How long a person has time to decide.</summary>
    public static readonly TimeSpan WaitingTime = TimeSpan.FromMinutes(10);

    // More senders with one key than anybody has.
    private const int MaxDisplaced = 64;

    private readonly Dictionary<KeyFingerprint, ApprovedSender> _remembered = remembered.ToDictionary(s => s.Key);
    private readonly List<WaitingSender<T>> _waiting = [];

    // Instances whose places others with their keys have taken.
    private readonly Queue<ulong> _displaced = [];

    /// <summary>The sender that is let in, or null.</summary>
    public T? Active { get; private set; }

    /// <summary>Since when it is.</summary>
    public DateTimeOffset ActiveSince { get; private set; }

    /// <summary>Those that wait, in the order of their coming.</summary>
    public IReadOnlyList<WaitingSender<T>> Waiting => _waiting;

    /// <summary>Those for whom nobody decided in time.</summary>
    public IEnumerable<T> Overdue =>
        _waiting.Where(w => time.GetElapsedTime(w.Arrived) >= WaitingTime).Select(w => w.Applicant);

    /// <summary>The keys that are remembered.</summary>
    public IReadOnlyCollection<ApprovedSender> Remembered => _remembered.Values;

    /// <summary>A sender has connected and proven its key.</summary>
    /// <param name="applicant">The sender.</param>
    /// <param name="replaced">
    /// An older connection of the same key, which has to go; of a duplicate the one that stays; or null.
    /// </param>
    public Admission Enter(T applicant, out T? replaced)
    {
        replaced = null;
        var isKnown = applicant.Key is { } key && _remembered.ContainsKey(key);
        if (OfTheSameKey(applicant) is { } rival && IsAnother(rival, applicant))
        {
            if (_displaced.Contains(applicant.Instance))
            {
                replaced = rival;
                return Admission.Duplicate;
            }

            _displaced.Enqueue(rival.Instance);
            if (_displaced.Count > MaxDisplaced)
            {
                _displaced.Dequeue();
            }
        }

        if (isKnown && (Active is null || Active.Key == applicant.Key))
        {
            replaced = Active;
            Admit(applicant);
            return Admission.Admitted;
        }

        var older = applicant.Key is null ? -1 : _waiting.FindIndex(w => w.Applicant.Key == applicant.Key);
        if (older >= 0)
        {
            replaced = _waiting[older].Applicant;
            _waiting[older] = Arrival(applicant);
            return Admission.Waits;
        }

        if (!isKnown && !HasPlace(SourceNetwork.Of(applicant.Remote.Address)))
        {
            return Admission.Refused;
        }

        _waiting.Add(Arrival(applicant));
        return Admission.Waits;
    }

    /// <summary>A sender's connection has ended.</summary>
    /// <returns>One that waited although its key is remembered, and is let in now; or null.</returns>
    public T? Leave(T applicant)
    {
        _waiting.RemoveAll(w => ReferenceEquals(w.Applicant, applicant));
        if (!ReferenceEquals(Active, applicant))
        {
            return null;
        }

        Active = null;
        var next = _waiting.Find(w => w.Applicant.Key is { } key && _remembered.ContainsKey(key))?.Applicant;
        if (next is not null)
        {
            Admit(next);
        }

        return next;
    }

    /// <summary>Lets a waiting sender in.</summary>
    /// <param name="applicant">The sender; it must wait.</param>
    /// <param name="replaced">An older connection of the same key, which has to go; or null.</param>
    /// <returns>False if another sender is let in already.</returns>
    public bool TryApprove(T applicant, out T? replaced)
    {
        replaced = null;
        if (Active is not null && (applicant.Key is null || Active.Key != applicant.Key))
        {
            return false;
        }

        replaced = Active;
        Admit(applicant);
        return true;
    }

    /// <summary>Whether a key is remembered.</summary>
    public bool IsRemembered(KeyFingerprint key) => _remembered.ContainsKey(key);

    /// <summary>The remembered keys with one more.</summary>
    /// <returns>Null if there are too many.</returns>
    public IReadOnlyList<ApprovedSender>? With(ApprovedSender sender) =>
        _remembered.ContainsKey(sender.Key) || _remembered.Count < MaxRemembered
            ? [.. _remembered.Values.Where(s => s.Key != sender.Key), sender]
            : null;

    /// <summary>The remembered keys without one.</summary>
    public IReadOnlyList<ApprovedSender> Without(KeyFingerprint key) =>
        [.. _remembered.Values.Where(s => s.Key != key)];

    /// <summary>Remembers these keys and no others.</summary>
    public void Remember(IEnumerable<ApprovedSender> senders)
    {
        _remembered.Clear();
        foreach (var sender in senders)
        {
            _remembered[sender.Key] = sender;
        }
    }

    /// <summary>Whether two connections with one key are of two senders, such as two hosts with a copy of it.</summary>
    public static bool IsAnother(IApplicant one, IApplicant other) =>
        one.Instance != 0 && other.Instance != 0 && one.Instance != other.Instance;

    private T? OfTheSameKey(T applicant) =>
        applicant.Key is null ? null
        : Active?.Key == applicant.Key ? Active
        : _waiting.Find(w => w.Applicant.Key == applicant.Key)?.Applicant;

    private WaitingSender<T> Arrival(T applicant) => new(applicant, time.GetUtcNow(), time.GetTimestamp());

    private void Admit(T applicant)
    {
        _waiting.RemoveAll(w => ReferenceEquals(w.Applicant, applicant));
        Active = applicant;
        ActiveSince = time.GetUtcNow();
    }

    private bool HasPlace(SourceNetwork network)
    {
        var strangers = _waiting
            .Where(w => w.Applicant.Key is not { } key || !_remembered.ContainsKey(key))
            .Select(w => SourceNetwork.Of(w.Applicant.Remote.Address))
            .ToList();
        return strangers.Count < MaxWaiting
            && strangers.Count(n => n.Narrow == network.Narrow) < MaxWaitingPerNetwork
            && strangers.Count(n => n.Wide == network.Wide) < MaxWaitingPerWideNetwork;
    }
}

/// <summary>A sender's connection that wants to be let in.</summary>
internal interface IApplicant
{
    /// <summary>The sender's key; null if it has none (classic).</summary>
    KeyFingerprint? Key { get; }

    /// <summary>Where it connects from.</summary>
    IPEndPoint Remote { get; }

    /// <summary>
    /// Tells senders with one key apart, and is the same for all connections of one; 0 if the sender does not say it.
    /// </summary>
    ulong Instance { get; }
}

/// <summary>What becomes of a sender that connects.</summary>
internal enum Admission
{
    /// <summary>Its key is remembered: datagrams flow.</summary>
    Admitted,

    /// <summary>A person decides.</summary>
    Waits,

    /// <summary>Too many wait already.</summary>
    Refused,

    /// <summary>
    /// Another sender with the same key took its place before and is connected: they must not push each other out in
    /// turns.
    /// </summary>
    Duplicate,
}
