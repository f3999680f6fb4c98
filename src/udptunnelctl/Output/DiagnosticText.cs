// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Output;

/// <summary>Remarks about a configuration, one line each.</summary>
internal static class DiagnosticText
{
    /// <summary>
    /// <c>config.json:4:18: AllowedPorts[1]: 70000 is not a port (1 to 65535)</c>; a warning says so before the field.
    /// Parts that are not known are left out.
    /// </summary>
    public static string Render(Diagnostic diagnostic, string fileName)
    {
        var position =
            diagnostic.Line > 0
                ? string.Create(CultureInfo.InvariantCulture, $"{fileName}:{diagnostic.Line}:{diagnostic.Column}: ")
                : $"{fileName}: ";
        var severity = diagnostic.Severity == Severity.Warning ? "warning: " : "";
        var field = diagnostic.Field.Length > 0 ? diagnostic.Field + ": " : "";
        return position + severity + field + diagnostic.Message;
    }
}
