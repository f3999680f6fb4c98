// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Harness.Traffic;

namespace UdpTunnel.Tests.Netns;

/// <summary>Which ports may be reached through a tunnel.</summary>
public sealed class PortFilterTests
{
    private const int NotAllowed = 6001;

    [Fact]
    public async Task An_allowed_port_is_reached_and_another_one_is_not()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();

        (await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1", TunnelFile.Allowed)).Dispose();
        (await TcpPair.OpenAsync(lab.Server, lab.Client, "10.0.0.2", TunnelFile.Allowed)).Dispose();
        Assert.False(await TcpPair.CanOpenAsync(lab.Client, lab.Server, "10.0.0.1", NotAllowed));
        Assert.False(await TcpPair.CanOpenAsync(lab.Server, lab.Client, "10.0.0.2", NotAllowed));

        // Each end keeps its own packets back, so that nothing of it reached the other.
        var client = await lab.ClientStatusAsync();
        var server = await lab.ServerStatusAsync();
        Assert.True(client.Drops("port", "out") > 0, client.ToString());
        Assert.True(server.Drops("port", "out") > 0, server.ToString());
        Assert.Equal(0, client.Drops("port", "in"));
        Assert.Equal(0, server.Drops("port", "in"));
    }

    [Fact]
    public async Task An_end_that_allows_less_than_the_other_refuses_what_comes_in()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync(client: file => file with { AllowedPorts = [.. file.AllowedPorts, NotAllowed] });

        Assert.False(await TcpPair.CanOpenAsync(lab.Client, lab.Server, "10.0.0.1", NotAllowed));

        var server = await lab.ServerStatusAsync();
        Assert.True(server.Drops("port", "in") > 0, server.ToString());
    }

    [Fact]
    public async Task From_an_allowed_port_only_answers_pass()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        using var allowed = Bind(lab.Client, "10.0.0.2", TunnelFile.Allowed);
        using var asking = Bind(lab.Server, "10.0.0.1", 40_000);
        using var neverAsked = Bind(lab.Server, "10.0.0.1", 40_001);
        var toAllowed = (IPEndPoint)allowed.LocalEndPoint!;

        // Nobody asked: the client's end keeps it back, as an answer to nothing.
        allowed.SendTo("unasked"u8, asking.LocalEndPoint!);
        await lab.Client.Control.WaitForAsync(
            "t",
            s => s.Drops("no_flow", "out") == 1,
            "the drop of what nobody asked for"
        );

        asking.SendTo("question"u8, toAllowed);
        Assert.Equal("question", await ReceiveAsync(allowed));
        allowed.SendTo("answer"u8, asking.LocalEndPoint!);
        Assert.Equal("answer", await ReceiveAsync(asking));

        // A flow is both addresses and both ports: an answer to one port is none to another.
        allowed.SendTo("unasked"u8, neverAsked.LocalEndPoint!);
        await lab.Client.Control.WaitForAsync(
            "t",
            s => s.Drops("no_flow", "out") == 2,
            "the drop of an answer to another port"
        );
        Assert.Equal(0, neverAsked.Available);
        Assert.Equal(1, (await lab.ClientStatusAsync()).Counter("flows"));

        // Each end tells of the same flow, as it came to it.
        Assert.Equal("udp out answered 10.0.0.1:40000 10.0.0.2:5001", await FlowAsync(lab.Server));
        Assert.Equal("udp in answered 10.0.0.1:40000 10.0.0.2:5001", await FlowAsync(lab.Client));
    }

    [Fact]
    public async Task The_flows_that_were_used_last_are_listed_up_to_the_limit()
    {
        const int All = 40;
        const int Limit = 7;
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        using var api = new ControlApi(lab.Server.Daemon.SocketPath);
        Assert.Equal(0u, (await api.FlowsAsync("t")).Total);
        using var allowed = Bind(lab.Server, "10.0.0.1", TunnelFile.Allowed);
        var asking = Enumerable.Range(0, All).Select(i => Bind(lab.Client, "10.0.0.2", 40_000 + i)).ToList();

        asking.ForEach(s => s.SendTo("question"u8, allowed.LocalEndPoint!));
        await lab.Server.Control.WaitForAsync("t", s => s.Counter("flows") == All, "the flows");
        await Task.Delay(TimeSpan.FromSeconds(2), TestContext.Current.CancellationToken);
        asking[Limit..(2 * Limit)].ForEach(s => s.SendTo("again"u8, allowed.LocalEndPoint!));
        var listed = await WaitFor.AnswerAsync(
            () => api.FlowsAsync("t", Limit),
            f => f.Flows.All(f => f.Idle.Seconds < 2),
            "the flows used again"
        );

        Assert.Equal((uint)All, listed.Total);
        Assert.Equal(
            Enumerable.Range(Limit, Limit).Select(i => $"10.0.0.2:{40_000 + i}").Order(),
            listed.Flows.Select(f => f.Source).Order()
        );
        Assert.Equal(All, (await api.FlowsAsync("t")).Flows.Count);
        asking.ForEach(s => s.Dispose());
    }

    [Fact]
    public async Task Ports_change_at_run_time_without_a_transfer_noticing()
    {
        await using var lab = await Lab.TwoHostsAsync();
        await lab.StartTunnelAsync();
        using var connection = await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1");
        await using var download = new Download(connection.Accepted, connection.Dialled);
        Assert.False(await TcpPair.CanOpenAsync(lab.Client, lab.Server, "10.0.0.1", NotAllowed));

        await ChangeAsync(lab, "allow", NotAllowed);
        (await TcpPair.OpenAsync(lab.Client, lab.Server, "10.0.0.1", NotAllowed)).Dispose();
        await ChangeAsync(lab, "deny", TunnelFile.AlsoAllowed);
        Assert.False(await TcpPair.CanOpenAsync(lab.Client, lab.Server, "10.0.0.1", TunnelFile.AlsoAllowed));
        await ChangeAsync(lab, "deny", NotAllowed);
        Assert.False(await TcpPair.CanOpenAsync(lab.Client, lab.Server, "10.0.0.1", NotAllowed));

        await download.WaitForMoreAsync();
        await download.FinishAsync();
        Assert.Equal(0, (await lab.ServerStatusAsync()).Counter("peerChanges"));

        // A change is for good.
        await lab.Server.Daemon.KillAsync();
        await lab.Server.Daemon.StartAsync();
        var ports = await lab.Server.Control.RunAsync("ports", "t");
        Assert.Equal("""[{"first":5001,"last":5001}]""", ports.Json.GetProperty("allowedPorts").GetRawText());
    }

    private static async Task ChangeAsync(Lab lab, string verb, int port)
    {
        foreach (var host in new[] { lab.Server, lab.Client })
        {
            await host.Control.RunAsync("ports", "t", verb, $"{port}");
        }
    }

    private static async Task<string> FlowAsync(Host host)
    {
        var flow = Assert.Single(
            (await host.Control.RunAsync("status", "t")).Json.GetProperty("flows").EnumerateArray()
        );
        Assert.InRange(flow.GetProperty("idle").GetDouble(), 0, 60);
        return string.Join(' ', flow.EnumerateObject().Where(p => p.Name != "idle").Select(p => p.Value.GetString()));
    }

    private static Socket Bind(Host host, string address, int port)
    {
        var socket = host.Open(SocketType.Dgram);
        socket.Bind(new IPEndPoint(IPAddress.Parse(address), port));
        return socket;
    }

    private static async Task<string> ReceiveAsync(Socket socket)
    {
        var buffer = new byte[100];
        using var patience = new CancellationTokenSource(WaitFor.Patience);
        return System.Text.Encoding.ASCII.GetString(buffer, 0, await socket.ReceiveAsync(buffer, patience.Token));
    }
}
