// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Daemon;
using UdpTunnel.Cli.Output;
using UdpTunnel.Cli.Output.Relays;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands.Relays;

/// <summary>Starts a relay and says what was done; <c>up</c> and <c>relay</c> share it.</summary>
internal static class RelayStart
{
    /// <summary>Starts it and shows the answer.</summary>
    /// <param name="invocation">Where to show it.</param>
    /// <param name="daemon">Who starts it.</param>
    /// <param name="wanted">What to start.</param>
    /// <param name="allWarnings">Joins the daemon's warnings with those already known.</param>
    /// <param name="replace">Change what runs under its name, if that is another thing.</param>
    /// <param name="timeout">How long to wait until it runs, and for a sender's first attempt.</param>
    public static async Task RunAsync(
        Invocation invocation,
        DaemonConnection daemon,
        Wanted wanted,
        Func<IEnumerable<Diagnostic>, IReadOnlyList<Diagnostic>> allWarnings,
        bool replace,
        TimeSpan timeout
    )
    {
        var started = await wanted.EnsureAsync(invocation, daemon, replace, timeout).ConfigureAwait(false);
        var relay = await FirstAttempt.ResultAsync(invocation, daemon, started.Relay!, timeout).ConfigureAwait(false);
        var warnings = allWarnings(started.Warnings);
        if (invocation.Json)
        {
            invocation.PrintJson(writer =>
            {
                RelayJson.Write(writer, "relay", relay);
                writer.WriteString("result", started.Word);
                DiagnosticJson.Write(writer, "warnings", warnings);
            });
            return;
        }

        var screen = invocation.NewScreen();
        started.Render(screen, wanted.Name);
        RelayStartView.Render(screen, relay, warnings, invocation.FileName);
        invocation.Print(screen);
    }
}
