// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using UdpTunnel.Cli.Output;

namespace UdpTunnel.Cli.Failures;

/// <summary>
/// Tells the user that a command failed: for a person on the error stream, and as JSON on the output if JSON was asked
/// for.
/// </summary>
internal static class FailureReport
{
    /// <summary>Writes at once. The first line says what is wrong, the rest what to do.</summary>
    public static void Write(CommandHost host, CommandException failure, bool json)
    {
        if (json && !failure.IsInOutput)
        {
            JsonOutput.Write(host.Output, writer =>
            {
                writer.WriteStartObject("error");
                writer.WriteString("reason", failure.Reason);
                writer.WriteString("message", failure.Message);
                writer.WriteNumber("exitCode", (int)failure.ExitCode);
                DiagnosticJson.Write(writer, "diagnostics", failure.Diagnostics);
                writer.WriteEndObject();
            });
        }

        FlushOutput(host);

        // Neither this line nor the diagnostics are folded: scripts look for them and editors jump to the position.
        var text = new StringBuilder($"udptunnelctl: {TerminalText.Escape(failure.Message)}\n");
        foreach (var diagnostic in failure.Diagnostics)
        {
            text.Append(TerminalText.Escape(DiagnosticText.Render(diagnostic, failure.FileName))).Append('\n');
        }

        if (failure.Advice is { } advice)
        {
            text.Append(new Screen(colour: false).Paragraph(advice));
        }

        host.Error.Write(text.ToString());
    }

    /// <summary>
    /// What the command has said so far belongs before the failure, where both streams go to one place.
    /// </summary>
    private static void FlushOutput(CommandHost host)
    {
        try
        {
            host.Output.Flush();
        }
        catch (IOException)
        {
            // The failure is told all the same; it may be this one.
        }
    }
}
