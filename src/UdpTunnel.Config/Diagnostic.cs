// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Config;

/// <summary>One remark about a configuration text.</summary>
/// <param name="Severity">Warning or error.</param>
/// <param name="Line">Line, counted from 1; 0 if the remark concerns the text as a whole.</param>
/// <param name="Column">
/// Column, counted from 1, in bytes of UTF-8, a byte order mark not counted; 0 if the remark concerns the text as a
/// whole.
/// </param>
/// <param name="Field">The field, for example <c>AllowedPorts[1]</c>; empty if the remark concerns none.</param>
/// <param name="Message">
/// What was read and what is allowed. Values are shortened and their control characters escaped, so that it may go to a
/// terminal or a log; <c>PacketMagic</c> is never shown.
/// </param>
public sealed record Diagnostic(DiagnosticSeverity Severity, int Line, int Column, string Field, string Message)
{
    /// <summary>
    /// The remark as one line, in the form that editors and compilers agreed upon:
    /// <c>config.json:4:18: AllowedPorts[1]: 70000 is not a port (1 to 65535)</c>. A warning says so before the field.
    /// </summary>
    /// <param name="fileName">The name to show; its control characters are escaped.</param>
    /// <returns>The line, without a line end.</returns>
    public string Render(string fileName)
    {
        ArgumentNullException.ThrowIfNull(fileName);
        var place = Line > 0 ? $":{Line}:{Column}" : "";
        var severity = Severity == DiagnosticSeverity.Warning ? "warning: " : "";
        var field = Field.Length > 0 ? $"{Field}: " : "";
        return $"{Excerpt.Escape(fileName, int.MaxValue)}{place}: {severity}{field}{Message}";
    }
}
