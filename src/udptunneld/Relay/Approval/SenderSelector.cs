// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Hosting;

namespace UdpTunnel.Relay.Approval;

/// <summary>The senders that a person's decision is about.</summary>
/// <param name="Text">A fingerprint, a prefix of it (with or without "SHA256:"), or the address shown.</param>
/// <param name="Relay">Only at this receiver; empty for any.</param>
/// <param name="All">At every receiver, also where an abbreviation means several.</param>
internal sealed record SenderChoice(string Text, string Relay = "", bool All = false);

/// <summary>Finds the senders that a person means (<see cref="Selector"/>). Pure.</summary>
internal static class SenderSelector
{
    private const string Prefix = "SHA256:";

    private static readonly SelectionWords Words = new(
        "sender",
        "relays",
        "a fingerprint, a prefix of it, or the address shown",
        "more of the fingerprint",
        "--relay",
        "udptunnelctl senders",
        Fault.NoSuchSender,
        Fault.AmbiguousSender,
        Fault.SenderNotPending
    );

    /// <summary>Whether a text means a sender.</summary>
    public static bool Matches(string text, SenderStatus sender)
    {
        if (text == sender.Address)
        {
            return true;
        }

        var hash = HashOf(text);
        return hash.Length > 0
            && sender.Key is { } key
            && key.ToString().AsSpan(Prefix.Length).StartsWith(hash, StringComparison.Ordinal);
    }

    /// <summary>Whether a text is the fingerprint of a sender in full.</summary>
    public static bool IsFingerprintOf(string text, SenderStatus sender) =>
        sender.Key is { } key && HashOf(text).SequenceEqual(key.ToString().AsSpan(Prefix.Length));

    /// <summary>The senders that are meant: one, or one key at several receivers.</summary>
    /// <param name="choice">What the person wrote.</param>
    /// <param name="senders">All senders.</param>
    /// <param name="mayBe">Which of them the request is about.</param>
    /// <param name="otherwise">What to say about one that it is not about.</param>
    /// <exception cref="RequestException">There is none, or it is not clear which.</exception>
    public static IReadOnlyList<SenderStatus> OneKey(
        SenderChoice choice,
        IReadOnlyList<SenderStatus> senders,
        Predicate<SenderStatus> mayBe,
        Func<SenderStatus, string> otherwise
    ) => Selector.OneKey(Words, new Choice(choice.Text, choice.Relay, choice.All), senders, mayBe, otherwise);

    private static ReadOnlySpan<char> HashOf(string text) =>
        text.StartsWith(Prefix, StringComparison.Ordinal) ? text.AsSpan(Prefix.Length) : text;
}
