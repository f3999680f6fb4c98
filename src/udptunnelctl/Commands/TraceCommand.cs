// SPDX-License-Identifier: BSD-3-Clause

using Cocona;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Output;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>trace</c>: what would become of a packet.</summary>
internal sealed class TraceCommand(Invocation invocation)
{
    private const int PartWidth = 10;

    [Command(Description = "Show what the filter and the routes would do with a packet now, and why. Nothing is sent.")]
    [Example("udptunnelctl trace home 10.0.0.1:40000 10.0.0.2:22")]
    [Example("udptunnelctl trace home 10.0.0.2:53 10.0.0.1:40000 --udp")]
    public async Task RunAsync(
        [Argument("NAME", Description = "Name of the tunnel"), CompletedFrom(CompletionSource.Tunnels)] string name,
        [Argument("SRC", Description = "Where it comes from: ADDRESS:PORT")] string source,
        [Argument("DST", Description = "Where it goes: ADDRESS:PORT")] string destination,
        [Option("udp", Description = "UDP instead of TCP")] bool udp
    )
    {
        invocation.Names = [name];
        var daemon = await invocation.ConnectAsync().ConfigureAwait(false);
        var answer = await daemon
            .Tunnels.GetPacketTraceAsync(
                new GetPacketTraceRequest
                {
                    Name = name,
                    Source = source,
                    Destination = destination,
                    Protocol = udp ? TransportProtocol.Udp : TransportProtocol.Tcp,
                },
                invocation.LookCall
            )
            .ResponseAsync.ConfigureAwait(false);
        if (invocation.Json)
        {
            invocation.PrintJson(writer =>
            {
                writer.WriteString("tunnel", name);
                writer.WriteString("direction", Words.Of(answer.Direction));
                writer.WriteBoolean("passes", answer.Passes);
                writer.WriteString("dropReason", Words.Of(answer.DropReason));
                writer.WriteStartArray("steps");
                foreach (var step in answer.Steps)
                {
                    writer.WriteStartObject();
                    writer.WriteString("part", step.Part);
                    writer.WriteString("message", step.Message);
                    writer.WriteEndObject();
                }

                writer.WriteEndArray();
            });
            return;
        }

        var screen = invocation.NewScreen();
        foreach (var step in answer.Steps)
        {
            screen.Cell(step.Part, PartWidth).Text(step.Message).EndLine();
        }

        screen.Line(Verdict(answer));
        invocation.Print(screen);
    }

    private static string Verdict(GetPacketTraceResponse answer) =>
        answer.Direction switch
        {
            Direction.Unspecified => "It does not go through this tunnel.",
            _ when answer.Passes => "It passes.",
            _ => $"It is dropped: {Words.Spoken(Words.Of(answer.DropReason))}.",
        };
}
