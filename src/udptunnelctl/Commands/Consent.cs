// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Failures;

namespace UdpTunnel.Cli.Commands;

/// <summary>Asks before something that runs is interrupted.</summary>
internal static class Consent
{
    /// <summary>Goes on if somebody agrees.</summary>
    /// <param name="invocation">The command.</param>
    /// <param name="given">Agreed already, by an option.</param>
    /// <param name="what">What would happen: <c>'home' has to restart for this</c>.</param>
    /// <exception cref="CommandException">Nobody agreed, or nobody can be asked.</exception>
    public static void Ask(Invocation invocation, bool given, string what)
    {
        if (given)
        {
            return;
        }

        var host = invocation.Host;
        if (invocation.Json || !host.Terminal.InputIsTerminal || !host.Terminal.ErrorIsTerminal)
        {
            throw new CommandException(ExitCode.Failed, "restart_required", $"{what}; nothing was changed")
            {
                Advice = "Repeat it with --yes to agree.",
            };
        }

        try
        {
            host.Output.Flush();
        }
        catch (IOException)
        {
            throw new CommandException(
                ExitCode.Failed,
                "declined",
                "nobody reads what would change; nothing was changed"
            );
        }

        host.Error.Write($"{TerminalText.Escape(what)}. Apply it? [y/N] ");
        using var input = new StreamReader(host.OpenInput());
        if (input.ReadLine()?.Trim().ToUpperInvariant() is not ("Y" or "YES"))
        {
            throw new CommandException(ExitCode.Failed, "declined", "nothing was changed");
        }
    }
}
