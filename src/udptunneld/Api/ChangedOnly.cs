// SPDX-License-Identifier: BSD-3-Clause

using System.Security.Cryptography;
using Google.Protobuf;

namespace UdpTunnel.Api;

/// <summary>
/// What a stream of changes has sent: a digest of each thing rather than the thing, so that what a client holds open
/// costs 32 bytes for each of them.
/// </summary>
internal sealed class ChangedOnly
{
    private readonly Dictionary<string, byte[]> _sent = [];

    /// <summary>Those that differ from what was sent of their names before, all the first time.</summary>
    /// <param name="things">All that there are.</param>
    /// <param name="name">Gives the name of one.</param>
    /// <param name="removed">Names of those that were sent and are there no more.</param>
    public IReadOnlyList<T> Take<T>(
        IReadOnlyCollection<T> things,
        Func<T, string> name,
        out IReadOnlyList<string> removed
    )
        where T : IMessage
    {
        removed = [.. _sent.Keys.Except(things.Select(name))];
        foreach (var gone in removed)
        {
            _sent.Remove(gone);
        }

        return [.. things.Where(t => IsNews(name(t), SHA256.HashData(t.ToByteArray())))];
    }

    private bool IsNews(string name, byte[] digest)
    {
        var isNews = !_sent.TryGetValue(name, out var sent) || !sent.AsSpan().SequenceEqual(digest);
        _sent[name] = digest;
        return isNews;
    }
}
