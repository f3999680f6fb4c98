// SPDX-License-Identifier: BSD-3-Clause

using Cocona;
using Grpc.Core;
using UdpTunnel.Cli.Failures;
using UdpTunnel.Cli.Output;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>version</c>: of this command and of the daemon, if one answers.</summary>
internal sealed class VersionCommand(Invocation invocation)
{
    [Command(Description = "Show the versions of this command and of the daemon. Works without a daemon, too.")]
    [Example("udptunnelctl version --json")]
    public async Task RunAsync()
    {
        GetDaemonResponse? daemon = null;
        CommandException? failure = null;
        try
        {
            var connection = await invocation.ConnectAsync().ConfigureAwait(false);
            daemon = await connection
                .Daemon.GetDaemonAsync(new GetDaemonRequest(), invocation.LookCall)
                .ResponseAsync.ConfigureAwait(false);
        }
        catch (CommandException e)
        {
            failure = e;
        }
        catch (RpcException e)
        {
            failure = RpcFailure.Translate(e, invocation.Place.Name, invocation.Service);
        }

        if (invocation.Json)
        {
            PrintJson(invocation, daemon, failure);
        }
        else
        {
            Print(invocation, daemon, failure);
        }
    }

    private static void Print(Invocation invocation, GetDaemonResponse? daemon, CommandException? failure)
    {
        var screen = invocation.NewScreen();
        screen.Line($"udptunnelctl {ControlProgram.Version}");
        if (daemon is null)
        {
            screen.Paragraph($"udptunneld not asked: {failure?.Message}");
        }
        else
        {
            screen.Line($"udptunneld   {daemon.Version}");
            var started = TimeText.Of(daemon.Started) is { } time
                ? $", started {TimeInWords.Ago(time, invocation.Host.Time.GetUtcNow())}"
                : "";
            screen.Field("process", $"pid {daemon.Pid}{started}");
            screen.Field("on", $"Linux {daemon.Kernel}, {daemon.Runtime}");
            screen.Field("tunnels", $"{daemon.Tunnels}");
            screen.Field("relays", $"{daemon.Relays}");
            screen.Field("state in", daemon.StateDirectory);
        }

        invocation.Print(screen);
    }

    private static void PrintJson(Invocation invocation, GetDaemonResponse? daemon, CommandException? failure) =>
        invocation.PrintJson(writer =>
        {
            writer.WriteString("udptunnelctl", ControlProgram.Version);
            if (daemon is null)
            {
                writer.WriteNull("udptunneld");
            }
            else
            {
                writer.WriteStartObject("udptunneld");
                writer.WriteString("version", daemon.Version);
                writer.WriteNumber("pid", daemon.Pid);
                writer.WriteTime("started", TimeText.Of(daemon.Started));
                writer.WriteText("kernel", daemon.Kernel);
                writer.WriteText("runtime", daemon.Runtime);
                writer.WriteNumber("tunnels", daemon.Tunnels);
                writer.WriteNumber("relays", daemon.Relays);
                writer.WriteText("stateDirectory", daemon.StateDirectory);
                writer.WriteEndObject();
            }

            if (failure is null)
            {
                writer.WriteNull("problem");
            }
            else
            {
                writer.WriteStartObject("problem");
                writer.WriteString("reason", failure.Reason);
                writer.WriteString("message", failure.Message);
                writer.WriteEndObject();
            }
        });
}
