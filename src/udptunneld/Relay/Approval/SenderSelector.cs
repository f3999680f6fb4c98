using UdpTunnel.Config;
using UdpTunnel.Hosting;

namespace UdpTunnel.Relay.Approval;

/// <summary>Finds the sender that a person means: by fingerprint, a prefix of it (with or without "SHA256:"), or the address shown. Pure.</summary>
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

        var hash = text.StartsWith(Prefix, StringComparison.Ordinal) ? text[Prefix.Length..] : text;
        return hash.Length > 0 && sender.Key is { } key && key.ToString().AsSpan(Prefix.Length).StartsWith(hash, StringComparison.Ordinal);
    }

    /// <summary>The one sender that is meant among those that may be.</summary>
    /// <param name="text">What the person wrote.</param>
    /// <param name="senders">All senders.</param>
    /// <param name="mayBe">Which of them the request is about.</param>
    /// <param name="otherwise">What to say about one that it is not about.</param>
    /// <exception cref="RequestException">There is none, or more than one.</exception>
    public static SenderStatus One(
        string text, IReadOnlyList<SenderStatus> senders, Predicate<SenderStatus> mayBe, Func<SenderStatus, string> otherwise)
    {
        var found = Some(text, senders, mayBe, otherwise);
        return found.Count == 1 ? found[0] : throw Ambiguous(text, found);
    }

    /// <summary>All that are meant: several only if they are one key, at several receivers.</summary>
    /// <inheritdoc cref="One"/>
    public static IReadOnlyList<SenderStatus> OneKey(
        string text, IReadOnlyList<SenderStatus> senders, Predicate<SenderStatus> mayBe, Func<SenderStatus, string> otherwise)
    {
        var found = Some(text, senders, mayBe, otherwise);
        return found.Count == 1 || (found[0].Key is { } key && found.All(s => s.Key == key)) ? found : throw Ambiguous(text, found);
    }

    private static List<SenderStatus> Some(
        string text, IReadOnlyList<SenderStatus> senders, Predicate<SenderStatus> mayBe, Func<SenderStatus, string> otherwise)
    {
        if (text.Length == 0)
        {
            throw new RequestException(Fault.InvalidRequest, "the sender is missing: a fingerprint, a prefix of it, or the address shown");
        }

        var meant = senders.Where(s => Matches(text, s)).ToList();
        if (meant.Count == 0)
        {
            throw new RequestException(
                Fault.NoSuchSender, $"there is no sender {Excerpt.Quote(text)}: `udptunnelctl senders` shows them");
        }

        var found = meant.FindAll(mayBe);
        return found.Count > 0 ? found : throw new RequestException(Fault.SenderNotPending, otherwise(meant[0]));
    }

    private static RequestException Ambiguous(string text, List<SenderStatus> found)
    {
        var names = found.Take(MostNamed).Select(s => $"{s.Key?.ToString() ?? "no key"} from {s.Address} at {s.Relay}");
        return new RequestException(
            Fault.AmbiguousSender,
            $"{Excerpt.Quote(text)} means {found.Count} senders ({string.Join("; ", names)}): use more of the fingerprint, or the address");
    }
}
