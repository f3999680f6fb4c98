// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns;

/// <summary>Packets of a running tunnel as a person sees them, and what would become of one.</summary>
public sealed class CaptureTests
{
    [Fact]
    public async Task Tshark_reads_what_passes_and_what_is_dropped_with_the_reason()
    {
        Requirements.Command("tshark", "tshark");
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        var words = string.Join(
            ' ',
            lab.Client.Control.Words("capture", "t", "--port", "5001,6001", "-w", "-").Select(w => $"'{w}'")
        );
        using var capture = Command.Start([
            "bash",
            "-c",
            $"{words} | tshark -l -r - -c 2 -T fields -e frame.interface_name -e frame.comment -e udp.dstport 2>/dev/null",
        ]);
        var lines = ReadAsync(capture.StandardOutput);
        using var socket = lab.Client.Open(SocketType.Dgram);
        while (!lines.IsCompleted)
        {
            // From when on it captures is not told.
            socket.SendTo("x"u8, new IPEndPoint(IPAddress.Parse("10.0.0.1"), 5001));
            socket.SendTo("x"u8, new IPEndPoint(IPAddress.Parse("10.0.0.1"), 6001));
            await Task.WhenAny(lines, Task.Delay(100, TestContext.Current.CancellationToken));
        }

        var device = (await lab.ClientStatusAsync()).Device;
        Assert.Equal(
            [
                $"{device}\tout, filter: dropped (port), peer 192.0.2.1:8000\t6001",
                $"{device}\tout, filter: passed, peer 192.0.2.1:8000\t5001",
            ],
            (await lines).Order()
        );
        Assert.Equal(3, await lab.Client.PingAsync("10.0.0.1", count: 3));
    }

    [Fact]
    public async Task A_trace_agrees_with_what_happens_and_sends_nothing()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        var before = await lab.ClientStatusAsync();

        Assert.Equal(("out", true, null), await TraceAsync("10.0.0.2:40000", "10.0.0.1:5001"));
        Assert.Equal(("out", false, "port"), await TraceAsync("10.0.0.2:40000", "10.0.0.1:6001"));
        Assert.Equal(("out", false, "no_flow"), await TraceAsync("10.0.0.2:5001", "10.0.0.1:40000"));
        Assert.Equal(("in", true, null), await TraceAsync("10.0.0.1:40000", "10.0.0.2:5001"));
        Assert.Equal(("in", false, "no_flow"), await TraceAsync("10.0.0.1:5001", "10.0.0.2:40000"));
        Assert.Equal((null, false, null), await TraceAsync("10.0.0.2:40000", "192.0.2.1:5001"));
        Assert.Equal(before.AllDrops, (await lab.ClientStatusAsync()).AllDrops);

        using var socket = lab.Client.Open(SocketType.Dgram);
        socket.Bind(new IPEndPoint(IPAddress.Parse("10.0.0.2"), 40_000));
        socket.SendTo("x"u8, new IPEndPoint(IPAddress.Parse("10.0.0.1"), 5001));
        await lab.Client.Control.WaitForAsync("t", s => s.Counter("flows") == 1, "the flow to be remembered");
        Assert.Equal(("in", true, null), await TraceAsync("10.0.0.1:5001", "10.0.0.2:40000", "--udp"));

        async Task<(string? Direction, bool Passes, string? Reason)> TraceAsync(params string[] words)
        {
            JsonElement json = (await lab.Client.Control.RunAsync(["trace", "t", .. words])).Json;
            return (
                json.GetProperty("direction").GetString(),
                json.GetProperty("passes").GetBoolean(),
                json.GetProperty("dropReason").GetString()
            );
        }
    }

    private static async Task<IReadOnlyList<string>> ReadAsync(StreamReader reader)
    {
        List<string> lines = [];
        while (await reader.ReadLineAsync() is { } line)
        {
            lines.Add(line.TrimEnd());
        }

        return lines;
    }
}
