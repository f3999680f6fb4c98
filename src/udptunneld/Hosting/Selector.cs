// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;

namespace UdpTunnel.Hosting;

/// <summary>Somebody about whom a person decides: a sender at a receiver, a peer of a tunnel.</summary>
internal interface ISelectable
{
    /// <summary>The key as it is shown; null if there is none.</summary>
    string? Identity { get; }

    /// <summary>Where it comes from, as it is shown.</summary>
    string Address { get; }

    /// <summary>Name of the relay or tunnel.</summary>
    string Place { get; }

    /// <summary>Whether a text means it.</summary>
    bool IsMeantBy(string text);

    /// <summary>Whether a text is its key in full.</summary>
    bool IsNamedInFullBy(string text);
}

/// <summary>Whom a person's decision is about.</summary>
/// <param name="Text">A key, a prefix of it, a name, or the address shown.</param>
/// <param name="Place">Only at this relay or tunnel; empty for any.</param>
/// <param name="All">At every relay or tunnel, also where an abbreviation means several.</param>
internal sealed record Choice(string Text, string Place = "", bool All = false);

/// <summary>What messages call those who are selected.</summary>
/// <param name="Kind">"sender".</param>
/// <param name="Places">"relays".</param>
/// <param name="Names">What names one: "a fingerprint, a prefix of it, or the address shown".</param>
/// <param name="More">What is said where an abbreviation means several: "more of the fingerprint".</param>
/// <param name="Option">Option of the command that names a place.</param>
/// <param name="Command">Command that shows all.</param>
/// <param name="None">There is none.</param>
/// <param name="Several">It is not clear which.</param>
/// <param name="Other">There is one, but it is not one that may be meant.</param>
internal sealed record SelectionWords(
    string Kind,
    string Places,
    string Names,
    string More,
    string Option,
    string Command,
    Fault None,
    Fault Several,
    Fault Other
);

/// <summary>Finds those whom a person means. Pure.</summary>
/// <remarks>
/// A key may be at several places. A key in full says that it is meant, wherever it is; an abbreviation may be a
/// mistake, and needs a place, or the word that all are meant.
/// </remarks>
internal static class Selector
{
    private const int MostNamed = 5;

    /// <summary>Those who are meant: one, or one key at several places.</summary>
    /// <param name="words">What messages call them.</param>
    /// <param name="choice">What the person wrote.</param>
    /// <param name="all">All.</param>
    /// <param name="mayBe">Which of them the request is about.</param>
    /// <param name="otherwise">What to say about one that it is not about.</param>
    /// <exception cref="RequestException">There is none, or it is not clear which.</exception>
    public static IReadOnlyList<T> OneKey<T>(
        SelectionWords words,
        Choice choice,
        IReadOnlyList<T> all,
        Predicate<T> mayBe,
        Func<T, string> otherwise
    )
        where T : ISelectable
    {
        var found = Some(words, choice, all, mayBe, otherwise);
        if (found.Count == 1)
        {
            return found;
        }

        if (found[0].Identity is not { } key || found.Any(s => s.Identity != key))
        {
            throw new RequestException(
                words.Several,
                $"{Excerpt.Quote(choice.Text)} means {found.Count} {words.Kind}s ({Names(found)}): "
                    + $"use {words.More}, or the address"
            );
        }

        return choice.All || found[0].IsNamedInFullBy(choice.Text)
            ? found
            : throw new RequestException(
                words.Several,
                $"{Excerpt.Quote(choice.Text)} means one key at {found.Count} {words.Places} ({Names(found)}): "
                    + $"say {words.Option} {found[0].Place} for one of them, or --all"
            );
    }

    private static List<T> Some<T>(
        SelectionWords words,
        Choice choice,
        IReadOnlyList<T> all,
        Predicate<T> mayBe,
        Func<T, string> otherwise
    )
        where T : ISelectable
    {
        if (choice.Text.Length == 0)
        {
            throw new RequestException(Fault.InvalidRequest, $"the {words.Kind} is missing: {words.Names}");
        }

        var meant = all.Where(s => s.IsMeantBy(choice.Text)).ToList();
        if (meant.Count == 0)
        {
            throw new RequestException(
                words.None,
                $"there is no {words.Kind} {Excerpt.Quote(choice.Text)}: `{words.Command}` shows them"
            );
        }

        var here = choice.Place.Length == 0 ? meant : meant.FindAll(s => s.Place == choice.Place);
        if (here.Count == 0)
        {
            throw new RequestException(
                words.None,
                $"there is no {words.Kind} {Excerpt.Quote(choice.Text)} at {Excerpt.Quote(choice.Place)}, "
                    + $"but there is at {meant[0].Place}"
            );
        }

        var found = here.FindAll(mayBe);
        return found.Count > 0 ? found : throw new RequestException(words.Other, otherwise(here[0]));
    }

    private static string Names<T>(IReadOnlyList<T> found)
        where T : ISelectable =>
        string.Join("; ", found.Take(MostNamed).Select(s => $"{s.Identity ?? "no key"} from {s.Address} at {s.Place}"));
}
