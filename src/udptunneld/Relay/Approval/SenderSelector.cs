using UdpTunnel.Config;
using UdpTunnel.Hosting;

namespace UdpTunnel.Relay.Approval;

/// <summary>The senders that a person's decision is about.</summary>
/// <param name="Text">A fingerprint, a prefix of it (with or without "SHA256:"), or the address shown.</param>
/// <param name="Relay">Only at this receiver; empty for any.</param>
/// <param name="All">At every receiver, also where an abbreviation means several.</param>
internal sealed record SenderChoice(string Text, string Relay = "", bool All = false);

/// <summary>Finds the senders that a person means. Pure.</summary>
/// <remarks>
/// A key may wait, or be approved, at several receivers. A fingerprint in full says that the key is meant, wherever it
/// is; an abbreviation may be a mistake, and needs a receiver, or the word that all are meant.
/// </remarks>
internal static class SenderSelector
{
    private const string Prefix = "SHA256:";
    private const int MostNamed = 5;

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
    )
    {
        var found = Some(choice, senders, mayBe, otherwise);
        if (found.Count == 1)
        {
            return found;
        }

        if (found[0].Key is not { } key || found.Any(s => s.Key != key))
        {
            throw new RequestException(
                Fault.AmbiguousSender,
                $"{Excerpt.Quote(choice.Text)} means {found.Count} senders ({Names(found)}): "
                    + "use more of the fingerprint, or the address"
            );
        }

        return choice.All || HashOf(choice.Text).SequenceEqual(key.ToString().AsSpan(Prefix.Length))
            ? found
            : throw new RequestException(
                Fault.AmbiguousSender,
                $"{Excerpt.Quote(choice.Text)} means one key at {found.Count} relays ({Names(found)}): "
                    + $"say --relay {found[0].Relay} for one of them, or --all"
            );
    }

    private static ReadOnlySpan<char> HashOf(string text) =>
        text.StartsWith(Prefix, StringComparison.Ordinal) ? text.AsSpan(Prefix.Length) : text;

    private static List<SenderStatus> Some(
        SenderChoice choice,
        IReadOnlyList<SenderStatus> senders,
        Predicate<SenderStatus> mayBe,
        Func<SenderStatus, string> otherwise
    )
    {
        if (choice.Text.Length == 0)
        {
            throw new RequestException(
                Fault.InvalidRequest,
                "the sender is missing: a fingerprint, a prefix of it, or the address shown"
            );
        }

        var meant = senders.Where(s => Matches(choice.Text, s)).ToList();
        if (meant.Count == 0)
        {
            throw new RequestException(
                Fault.NoSuchSender,
                $"there is no sender {Excerpt.Quote(choice.Text)}: `udptunnelctl senders` shows them"
            );
        }

        var here = choice.Relay.Length == 0 ? meant : meant.FindAll(s => s.Relay == choice.Relay);
        if (here.Count == 0)
        {
            throw new RequestException(
                Fault.NoSuchSender,
                $"there is no sender {Excerpt.Quote(choice.Text)} at {Excerpt.Quote(choice.Relay)}, "
                    + $"but there is at {meant[0].Relay}"
            );
        }

        var found = here.FindAll(mayBe);
        return found.Count > 0 ? found : throw new RequestException(Fault.SenderNotPending, otherwise(here[0]));
    }

    private static string Names(List<SenderStatus> found) =>
        string.Join(
            "; ",
            found.Take(MostNamed).Select(s => $"{s.Key?.ToString() ?? "no key"} from {s.Address} at {s.Relay}")
        );
}
