// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using UdpTunnel.Cli.Output;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli;

public sealed class CaptureTests
{
    [Fact]
    public async Task A_packet_is_a_line_with_what_became_of_it()
    {
        await using var server = await FakeServer.StartAsync();
        var run = new CommandRun();
        Capture(server, run);

        await run.RunAsync(server, "capture", "home", "--dropped", "--port", "80,8000-8010");

        Assert.Equal(0, run.ExitCode);
        Assert.Equal(
            "12:00:00.000000 out filter dropped port: tcp 10.0.0.1:40000 > 10.0.0.2:80, 60 bytes\n",
            run.Output.ToString()
        );
        var request = Assert.Single(server.Daemon.Requests.OfType<CapturePacketsRequest>());
        Assert.True(request.DroppedOnly);
        Assert.Equal([(80u, 80u), (8000u, 8010u)], request.Ports.Select(r => (r.First, r.Last)));
    }

    [Fact]
    public async Task A_file_is_the_user_s_alone_and_says_of_each_packet_what_became_of_it()
    {
        await using var server = await FakeServer.StartAsync();
        var file = server.File("home.pcapng");
        File.Delete(file);
        var run = new CommandRun();
        Capture(server, run, file);

        await run.RunAsync(server, "capture", "home", "-w", file);

        Assert.Equal(0, run.ExitCode);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Assert.Contains("1 packets in", run.Output.ToString(), StringComparison.Ordinal);
        Assert.Contains("7 packets more", run.Error.ToString(), StringComparison.Ordinal);
        var blocks = Blocks(await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken)).ToList();
        Assert.Equal([0x0A0D0D0Au, 1, 1, 6, 5], blocks.Select(b => b.Type));
        Assert.Contains("tun0", Encoding.UTF8.GetString(blocks[1].Body), StringComparison.Ordinal);
        var packet = blocks[3].Body;
        Assert.Equal((0u, 36u, 60u), (Word(packet, 0), Word(packet, 12), Word(packet, 16)));
        Assert.Equal(Samples.Now.ToUnixTimeSeconds() * 1_000_000_000, ((long)Word(packet, 4) << 32) | Word(packet, 8));
        Assert.Contains(
            "out, filter: dropped (port), peer 198.51.100.1:50791",
            Encoding.UTF8.GetString(packet),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Tshark_reads_what_is_written_to_standard_output()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/tshark"), "needs tshark");
        var file = Path.GetTempFileName();
        try
        {
            await using (var output = File.Create(file))
            {
                using var writer = new PcapNg(output);
                writer.Begin("tun0", 8000);
                writer.Write(Samples.Captured().Packets[0]);
                var datagram = Samples.Captured().Packets[0];
                datagram.Direction = Direction.In;
                datagram.Stage = CaptureStage.Transport;
                datagram.DropReason = DropReason.Magic;
                writer.Write(datagram);
                writer.Finish(7, Samples.Now);
            }

            using var process = Process.Start(
                new ProcessStartInfo(
                    "/usr/bin/tshark",
                    [
                        "-r",
                        file,
                        "-T",
                        "fields",
                        "-e",
                        "frame.interface_name",
                        "-e",
                        "frame.comment",
                        "-e",
                        "ip.dst",
                        "-e",
                        "tcp.dstport",
                    ]
                )
                {
                    RedirectStandardOutput = true,
                    RedirectStandardError = true,
                }
            )!;
            var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            var lines = (await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken))
                .Trim()
                .Split('\n');
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);

            Assert.True(process.ExitCode == 0, await error);
            Assert.Equal(
                "tun0\tout, filter: dropped (port), peer 198.51.100.1:50791\t10.0.0.2\t80",
                lines[0].TrimEnd()
            );
            Assert.StartsWith("udp:8000\tin, transport: dropped (magic)", lines[1], StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData("capture home --port 0")]
    [InlineData("capture home --port 22,")]
    [InlineData("capture home --port 99999")]
    [InlineData("capture home -w x.pcapng --json")]
    [InlineData("trace home 10.0.0.1:1")]
    public async Task A_wrong_command_line_is_told_before_anybody_is_asked(string line)
    {
        var run = await new CommandRun().RunAsync(line.Split(' '));
        Assert.Equal(2, run.ExitCode);
    }

    [Fact]
    public async Task A_trace_says_what_happens_to_a_packet_and_why()
    {
        await using var server = await FakeServer.StartAsync();
        server.Daemon.Trace = _ => Task.FromResult(Samples.Traced());

        var run = await CommandRun.OfAsync(server, "trace", "home", "10.0.0.1:40000", "10.0.0.2:80");

        Assert.Equal(0, run.ExitCode);
        Assert.Equal(
            "route     10.0.0.2 is reached by tun0: it goes out\n"
                + "ports     neither port 80 nor port 40000 is allowed\n"
                + "It is dropped: port.\n",
            run.Output.ToString()
        );
    }

    private static void Capture(FakeServer server, CommandRun run, string? file = null) =>
        server.Daemon.Capture = async (_, writer, cancellation) =>
        {
            await writer.WriteAsync(Samples.Captured(), cancellation);
            await writer.WriteAsync(new CapturePacketsResponse { Lost = file is null ? 0u : 7u }, cancellation);
            while (file is null ? run.Output.Length == 0 : !File.Exists(file) || new FileInfo(file).Length < 250)
            {
                await Task.Delay(5, cancellation);
            }

            // The second message may still be on its way.
            await Task.Delay(200, cancellation);
            run.Interrupt!();
            await Task.Delay(Timeout.Infinite, cancellation);
        };

    private static uint Word(byte[] bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at));

    private static IEnumerable<(uint Type, byte[] Body)> Blocks(byte[] file)
    {
        var at = 0;
        while (at < file.Length)
        {
            var length = (int)Word(file, at + 4);
            Assert.Equal((0, length), (length % 4, (int)Word(file, at + length - 4)));
            yield return (Word(file, at), file[(at + 8)..(at + length - 4)]);
            at += length;
        }
    }
}
