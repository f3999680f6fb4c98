// SPDX-License-Identifier: BSD-3-Clause

using Cocona;
using UdpTunnel.Cli.Output;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>whoami</c>: what the daemon lets the caller do, and why.</summary>
internal sealed class WhoAmICommand(Invocation invocation)
{
    [Command(Description = "Show whom the daemon takes you for, and what you may do.")]
    [Example("udptunnelctl whoami")]
    public async Task RunAsync()
    {
        var daemon = await invocation.ConnectAsync().ConfigureAwait(false);
        var caller = await daemon
            .Daemon.WhoAmIAsync(new WhoAmIRequest(), invocation.LookCall)
            .ResponseAsync.ConfigureAwait(false);
        if (invocation.Json)
        {
            invocation.PrintJson(writer =>
            {
                writer.WriteNumber("uid", caller.Uid);
                writer.WriteNumber("gid", caller.Gid);
                writer.WriteNumber("pid", caller.Pid);
                writer.WriteString("role", Words.Of(caller.Role));
                writer.WriteText("reason", caller.Reason);
            });
            return;
        }

        var screen = invocation.NewScreen();
        screen.Line($"uid {caller.Uid}, gid {caller.Gid}, pid {caller.Pid}");
        screen.Field("you may", May(caller.Role), caller.Role == Role.Operate ? Style.Good : Style.Warning);
        screen.Field("because", caller.Reason);
        invocation.Print(screen);
    }

    private static string May(Role role) =>
        role switch
        {
            Role.Operate => "operate: start, stop, change and look at tunnels and relays",
            Role.Look => "look: see tunnels, relays and events, but change nothing",
            Role.Connect => "connect, and no more than this question",
            _ => "do nothing",
        };
}
