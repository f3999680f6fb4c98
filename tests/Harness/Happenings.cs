// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Harness;

/// <summary>Events, which read well when a test fails.</summary>
internal sealed class Happenings(IReadOnlyList<Happening> all)
{
    /// <summary>Whether there is one of a kind.</summary>
    public bool Any(string kind) => all.Any(h => h.Kind == kind);

    /// <summary>The last of a kind.</summary>
    public Happening Last(string kind) => all.Last(h => h.Kind == kind);

    /// <inheritdoc/>
    public override string ToString() => string.Join("\n", all);
}
