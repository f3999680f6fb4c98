// SPDX-License-Identifier: BSD-3-Clause

using Cocona;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Failures;
using UdpTunnel.Cli.Output;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary>
/// <c>doctor</c>: what is wrong, why, and what mends it. The daemon looks, since it has the privileges; this command
/// adds what it sees itself.
/// </summary>
internal sealed class DoctorCommand(Invocation invocation)
{
    [Command(
        Description = "Look for what is wrong: devices, privileges, offloads, MTU, NAT, DNS, clock, firewall, ports. "
            + "Ends with 1 if something does not work."
    )]
    [Example("udptunnelctl doctor")]
    [Example("udptunnelctl doctor home --json")]
    [Example("udptunnelctl doctor --bundle report.txt")]
    public async Task RunAsync(
        [Argument("NAME", Description = "Of the tunnels and relays look at this one only")]
        [CompletedFrom(CompletionSource.TunnelsAndRelays)]
            string? name,
        [Option(
            "bundle",
            ValueName = "FILE|-",
            Description = "Write a report for whoever helps, instead: findings, status, events, configurations, routes, "
                + "settings of the kernel, log. It has addresses, and no keys or other secrets"
        )]
            string? bundle = null
    )
    {
        if (bundle is not null && invocation.Json)
        {
            throw UsageFailure.Usage("--bundle writes text, and has no JSON", "See 'udptunnelctl doctor --help'.");
        }

        invocation.Names = name is null ? [] : [name];
        var checks = new List<Check>();
        CommandException? failure = null;
        try
        {
            checks = await LookAsync(invocation, name ?? "", invocation.Cancellation).ConfigureAwait(false);
        }
        catch (CommandException e)
            when (e.ExitCode is ExitCode.Unreachable or ExitCode.NotPermitted or ExitCode.TimedOut)
        {
            failure = e;
            checks.Add(
                new Check
                {
                    Id = "daemon",
                    Result = CheckResult.Failure,
                    Message = e.Message,
                    Remedy = e.Advice ?? "",
                }
            );
        }

        if (bundle is not null)
        {
            await WriteAsync(bundle, await new Bundle(invocation).CollectAsync(checks).ConfigureAwait(false))
                .ConfigureAwait(false);
            return;
        }

        Show(invocation, checks);
        if (failure is not null)
        {
            throw new CommandException(failure.ExitCode, failure.Reason, failure.Message) { IsInOutput = true };
        }

        var failed = checks.Count(c => c.Result == CheckResult.Failure);
        if (failed > 0)
        {
            throw new CommandException(
                ExitCode.Failed,
                "unhealthy",
                $"{failed} {(failed == 1 ? "thing does" : "things do")} not work"
            )
            {
                IsInOutput = true,
            };
        }
    }

    /// <summary>Only its owner may read the file: who is in the network is nobody else's business.</summary>
    private async Task WriteAsync(string path, string report)
    {
        if (path == "-")
        {
            await invocation.Host.Output.WriteAsync(report).ConfigureAwait(false);
            return;
        }

        try
        {
            var options = new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            };
            var writer = new StreamWriter(path, options);
            await using (writer.ConfigureAwait(false))
            {
                await writer.WriteAsync(report).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CommandException(ExitCode.Failed, "output", $"cannot write '{path}': {e.Message}");
        }

        invocation.Print(invocation.NewScreen().Line($"{path} is written. Look through it before you give it away."));
    }

    private static async Task<List<Check>> LookAsync(Invocation invocation, string name, CancellationToken cancellation)
    {
        var daemon = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        var about = await daemon
            .Daemon.GetDaemonAsync(new GetDaemonRequest(), Invocation.Within(Invocation.LookTimeout, cancellation))
            .ResponseAsync.ConfigureAwait(false);
        var found = await daemon
            .Daemon.DiagnoseAsync(
                new DiagnoseRequest { Name = name },
                Invocation.Within(Invocation.ChangeTimeout, cancellation)
            )
            .ResponseAsync.ConfigureAwait(false);
        return [Versions(about), .. found.Checks];
    }

    private static Check Versions(GetDaemonResponse daemon)
    {
        var own = ControlProgram.Version.Split('+')[0];
        return daemon.Version == own
            ? new Check
            {
                Id = "daemon",
                Result = CheckResult.Ok,
                Message = $"udptunneld {daemon.Version} answers, pid {daemon.Pid}",
            }
            : new Check
            {
                Id = "daemon",
                Result = CheckResult.Warning,
                Message = $"udptunneld is version {daemon.Version}, this command {own}",
                Remedy = "sudo systemctl restart udptunneld",
            };
    }

    private static void Show(Invocation invocation, IReadOnlyList<Check> checks)
    {
        if (!invocation.Json)
        {
            var screen = invocation.NewScreen();
            CheckView.Render(screen, checks);
            invocation.Print(screen);
            return;
        }

        invocation.PrintJson(writer =>
        {
            writer.WriteBoolean("healthy", checks.All(c => c.Result != CheckResult.Failure));
            writer.WriteStartArray("checks");
            foreach (var check in checks)
            {
                writer.WriteStartObject();
                writer.WriteString("id", check.Id);
                writer.WriteText("subject", check.Subject);
                writer.WriteString("result", Words.Of(check.Result));
                writer.WriteString("message", check.Message);
                writer.WriteText("remedy", check.Remedy);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        });
    }
}
