// SPDX-License-Identifier: BSD-3-Clause

using Cocona;
using Google.Protobuf.Collections;
using Grpc.Core;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Failures;
using UdpTunnel.Cli.Output;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>capture</c>: the packets of a tunnel, as they pass or are dropped.</summary>
internal sealed class CaptureCommand(Invocation invocation)
{
    private const string StandardOutput = "-";

    [Command(Description = "Show or save the packets of a tunnel, with what becomes of each, until Ctrl-C.")]
    [Example("udptunnelctl capture home --dropped")]
    [Example("udptunnelctl capture home --port 22,8000-8010 -w home.pcapng")]
    public async Task RunAsync(
        [Argument("NAME", Description = "Name of the tunnel"), CompletedFrom(CompletionSource.Tunnels)] string name,
        [Option("dropped", Description = "Only what is dropped")] bool dropped,
        [Option("port", ValueName = "PORTS", Description = "Only TCP and UDP packets from or to these: 22,8000-8010")]
            string? ports,
        [Option(
            "write",
            ['w'],
            ValueName = "FILE|-",
            Description = "Write a pcapng file, for tshark; - is standard output"
        )]
            string? file
    )
    {
        if (file is not null && invocation.Json)
        {
            throw UsageFailure.Usage("--write and --json exclude each other", "A pcapng file is no JSON.");
        }

        if (file == StandardOutput && invocation.Host.Terminal.OutputIsTerminal)
        {
            throw UsageFailure.Usage(
                "a pcapng file is nothing to look at",
                $"For example: udptunnelctl capture {name} -w - | tshark -r -"
            );
        }

        var request = new CapturePacketsRequest { Name = name, DroppedOnly = dropped };
        Read(ports, request.Ports);
        invocation.Names = [name];
        using var stream = new InterruptibleStream(invocation, invocation.Cancellation);
        var daemon = await invocation.ConnectAsync(stream.Token).ConfigureAwait(false);
        using var call = daemon.Tunnels.CapturePackets(request, new CallOptions(cancellationToken: stream.Token));
        if (file is null)
        {
            await ShowAsync(stream, call.ResponseStream).ConfigureAwait(false);
        }
        else
        {
            await SaveAsync(stream, call.ResponseStream, file).ConfigureAwait(false);
        }
    }

    private static void Read(string? text, RepeatedField<PortRange> ports)
    {
        foreach (var word in text?.Split(',') ?? [])
        {
            if (!Config.PortRange.TryParse(word.Trim(), out var range, out var error))
            {
                throw UsageFailure.Usage(error, "For example: --port 22,8000-8010");
            }

            ports.Add(new PortRange { First = range.First, Last = range.Last });
        }
    }

    private async Task ShowAsync(InterruptibleStream stream, IAsyncStreamReader<CapturePacketsResponse> reader)
    {
        var lost = 0UL;
        await stream
            .ReadAsync(reader, message =>
            {
                foreach (var packet in message.Packets)
                {
                    if (invocation.Json)
                    {
                        invocation.PrintJson(writer => PacketText.WriteMembers(writer, packet));
                    }
                    else
                    {
                        invocation.Host.Output.Write(PacketText.Line(packet, invocation.Host.Time) + "\n");
                    }
                }

                lost = Math.Max(lost, message.Lost);
            })
            .ConfigureAwait(false);
        ReportLost(lost);
    }

    private async Task SaveAsync(
        InterruptibleStream stream,
        IAsyncStreamReader<CapturePacketsResponse> reader,
        string file
    )
    {
        var lost = 0UL;
        var count = 0UL;
        var output = Open(file);
        await using (output.ConfigureAwait(false))
        {
            using var writer = new PcapNg(output);
            var hasBegun = false;
            await stream
                .ReadAsync(
                    reader,
                    message =>
                    {
                        if (!hasBegun)
                        {
                            writer.Begin(message.Device, message.LocalPort);
                            hasBegun = true;
                        }

                        foreach (var packet in message.Packets)
                        {
                            writer.Write(packet);
                        }

                        count += (ulong)message.Packets.Count;
                        lost = Math.Max(lost, message.Lost);
                        output.Flush();
                    },
                    flush: false
                )
                .ConfigureAwait(false);
            if (hasBegun)
            {
                writer.Finish(lost, invocation.Host.Time.GetUtcNow());
            }
        }

        if (file != StandardOutput)
        {
            invocation.Print(invocation.NewScreen().Line($"{Quantity.Count(count)} packets in {file}"));
        }

        ReportLost(lost);
    }

    private void ReportLost(ulong lost)
    {
        if (lost > 0)
        {
            invocation.Host.Error.Write(
                $"{Quantity.Count(lost)} packets more came than could be read in time: choose fewer by --port or --dropped\n"
            );
        }
    }

    /// <summary>Only the user reads what was said inside a tunnel.</summary>
    private Stream Open(string file)
    {
        if (file == StandardOutput)
        {
            return new BufferedStream(invocation.Host.OpenOutput());
        }

        try
        {
            return new FileStream(
                file,
                new FileStreamOptions
                {
                    Mode = FileMode.Create,
                    Access = FileAccess.Write,
                    UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
                }
            );
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            var why = e is IOException system ? SystemError.Text(system) : "Permission denied";
            throw new CommandException(ExitCode.Failed, "output", $"cannot write {file}: {why}");
        }
    }
}
