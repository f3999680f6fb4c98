// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Config;

/// <summary>
/// Collects the remarks about one text, a bounded number of each severity: a hostile text has a mistake in each byte.
/// </summary>
internal sealed class DiagnosticBag
{
    /// <summary>Most remarks kept of each severity.</summary>
    private const int MaxKept = 100;

    private readonly List<Diagnostic> _kept = [];
    private int _errors;
    private int _warnings;

    /// <summary>Whether anything makes the text unusable, shown or not.</summary>
    public bool HasErrors => _errors > 0;

    /// <summary>Whether a remark of that severity would still be kept; if not, it need only be counted.</summary>
    public bool HasRoom(DiagnosticSeverity severity) =>
        (severity == DiagnosticSeverity.Error ? _errors : _warnings) < MaxKept;

    /// <summary>Keeps a remark, or only counts it.</summary>
    public void Add(Diagnostic diagnostic)
    {
        if (HasRoom(diagnostic.Severity))
        {
            _kept.Add(diagnostic);
        }

        Count(diagnostic.Severity);
    }

    /// <summary>Counts a remark that is not kept.</summary>
    public void Count(DiagnosticSeverity severity)
    {
        if (severity == DiagnosticSeverity.Error)
        {
            _errors++;
        }
        else
        {
            _warnings++;
        }
    }

    /// <summary>The remarks in the order of the text, then how many were not kept.</summary>
    public IReadOnlyList<Diagnostic> ToList()
    {
        List<Diagnostic> all = [.. _kept.OrderBy(d => d.Line).ThenBy(d => d.Column)];
        AddRest(all, DiagnosticSeverity.Error, _errors, "errors");
        AddRest(all, DiagnosticSeverity.Warning, _warnings, "warnings");
        return all;
    }

    private static void AddRest(List<Diagnostic> all, DiagnosticSeverity severity, int count, string what)
    {
        if (count > MaxKept)
        {
            var message = $"{count} {what}, of which the first {MaxKept} are shown";
            all.Insert(0, new Diagnostic(severity, 0, 0, "", message));
        }
    }
}
