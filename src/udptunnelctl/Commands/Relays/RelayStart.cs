using UdpTunnel.Cli.Daemon;
using UdpTunnel.Cli.Output;
using UdpTunnel.Cli.Output.Relays;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands.Relays;

/// <summary>Starts a relay and says what was done; <c>up</c> and <c>relay</c> share it.</summary>
internal static class RelayStart
{
    /// <summary>Makes the call and shows the answer.</summary>
    /// <param name="invocation">Where to show it.</param>
    /// <param name="daemon">Who starts it.</param>
    /// <param name="request">What to start.</param>
    /// <param name="allWarnings">Joins the daemon's warnings with those already known.</param>
    /// <param name="timeout">How long to wait until it runs.</param>
    /// <param name="cancellation">Ends the call.</param>
    public static async Task RunAsync(
        Invocation invocation,
        DaemonConnection daemon,
        StartRelayRequest request,
        Func<IEnumerable<Diagnostic>, IReadOnlyList<Diagnostic>> allWarnings,
        TimeSpan timeout,
        CancellationToken cancellation
    )
    {
        var answer = await daemon
            .Relays.StartRelayAsync(request, Invocation.Within(timeout, cancellation))
            .ResponseAsync.ConfigureAwait(false);
        var relay = answer.Relay ?? new Relay { Name = request.Name };
        var warnings = allWarnings(answer.Warnings);
        if (invocation.Json)
        {
            invocation.PrintJson(writer =>
            {
                RelayJson.Write(writer, "relay", relay);
                DiagnosticJson.Write(writer, "warnings", warnings);
            });
            return;
        }

        var screen = invocation.NewScreen();
        RelayStartView.Render(screen, relay, warnings, invocation.FileName);
        invocation.Print(screen);
    }
}
