// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using UdpTunnel.Tests.Harness;
using UdpTunnel.Tests.Netns.Relay;

namespace UdpTunnel.Tests.Soak;

/// <summary>
/// What happens to hosts and daemons, by chance. The server's and the receiver's daemons are never ended: what they
/// hold is looked at in the end.
/// </summary>
internal sealed class Trouble(Lab lab, RelayLab relay, ControlApi api, Random random)
{
    private const int MostTunnels = 20;
    private const int WarmTunnels = 300;

    private readonly List<string> _tunnels = [];
    private int _named;

    /// <summary>How often what happened.</summary>
    public SortedDictionary<string, int> Happened { get; } = new(StringComparer.Ordinal);

    /// <summary>Lets one thing happen, and waits until it is over.</summary>
    public async Task HappenAsync()
    {
        (string Name, Func<Task> Happen)[] all =
        [
            ("tunnel comes", ComeAsync),
            ("tunnel comes", ComeAsync),
            ("tunnel comes", ComeAsync),
            ("tunnel goes", GoAsync),
            ("tunnel goes", GoAsync),
            ("ports change", ChangePortsAsync),
            ("link down", () => CutAsync(lab.Client)),
            ("link down", () => CutAsync(lab.Server)),
            ("relay link down", () => CutAsync(relay.Inside)),
            ("device deleted", DeleteDeviceAsync),
            ("daemon held", () => HoldAsync(random.Next(2) == 0 ? lab.Client : lab.Server)),
            ("relay daemon held", () => HoldAsync(random.Next(2) == 0 ? relay.Inside : relay.Outside)),
            ("client killed", () => RestartAsync(lab.Client, kill: true)),
            ("client restarted", () => RestartAsync(lab.Client, kill: false)),
            ("sender killed", () => RestartAsync(relay.Inside, kill: true)),
            ("stranger floods", FloodAsync),
            ("receiver comes and goes", ReceiverAsync),
        ];
        var (name, happen) = all[random.Next(all.Length)];
        Happened[name] = Happened.GetValueOrDefault(name) + 1;
        await happen();
    }

    /// <summary>
    /// Makes the server's daemon take the memory that it takes when very much comes and goes, and then keeps.
    /// </summary>
    public async Task WarmAsync()
    {
        for (var i = 0; i < WarmTunnels; i++)
        {
            await ComeAsync();
            await GoAsync();
        }
    }

    /// <summary>Takes down what came.</summary>
    public async Task EndAsync()
    {
        while (_tunnels.Count > 0)
        {
            await GoAsync();
        }
    }

    private async Task ComeAsync()
    {
        if (_tunnels.Count >= MostTunnels)
        {
            await GoAsync();
        }

        var i = ++_named;
        var file = (random.Next(2) == 0 ? lab.ServerFile : lab.ClientFile) with
        {
            Name = $"soak{i}",
            TunnelAddress = $"10.{1 + (i / 250 % 250)}.{i % 250}.1",
            Firewall = random.Next(4) == 0,
            Offload = random.Next(4) == 0 ? "off" : "auto",
            Mtu = random.Next(1280, 9000),
        };
        file = file with
        {
            NetworkAddress = file.NetworkAddress.StartsWith(':')
                ? $":{10_000 + (i % 10_000)}"
                : $"192.0.2.2:{10_000 + (i % 10_000)}",
        };
        await api.UpAsync(file);
        _tunnels.Add(file.Name);
    }

    private async Task GoAsync()
    {
        if (_tunnels.Count == 0)
        {
            return;
        }

        var at = random.Next(_tunnels.Count);
        await api.DownAsync(_tunnels[at]);
        _tunnels.RemoveAt(at);
    }

    private Task ChangePortsAsync() =>
        lab.Server.Control.RunAsync("ports", "t", random.Next(2) == 0 ? "allow" : "deny", "6000-6010");

    private async Task CutAsync(Host host)
    {
        await host.Namespace.IpAsync($"link set {Lab.Link} down");
        await PauseAsync(3000);
        await host.Namespace.IpAsync($"link set {Lab.Link} up");
    }

    private async Task DeleteDeviceAsync()
    {
        await lab.Server.Namespace.IpAsync($"link del {(await lab.ServerStatusAsync()).Device}");

        // What is deleted again at once is not there.
        await WaitFor.TrueAsync(HasDeviceAsync, "the device to be made again");

        async Task<bool> HasDeviceAsync() =>
            (await lab.Server.Namespace.RunAsync("ip", "-o", "link")).Contains(
                $" {(await lab.ServerStatusAsync()).Device}: ",
                StringComparison.Ordinal
            );
    }

    private async Task HoldAsync(Host host)
    {
        await host.Daemon.SignalAsync("STOP");
        await PauseAsync(2000);
        await host.Daemon.SignalAsync("CONT");
    }

    private static async Task RestartAsync(Host host, bool kill)
    {
        await (kill ? host.Daemon.KillAsync() : host.Daemon.TerminateAsync());
        await host.Daemon.StartAsync();
    }

    private async Task FloodAsync()
    {
        using var stranger = lab.Client.Open(SocketType.Dgram);
        var datagram = new byte[random.Next(1, 1400)];
        for (var i = 0; i < 1000; i++)
        {
            random.NextBytes(datagram);
            try
            {
                stranger.SendTo(datagram, new IPEndPoint(IPAddress.Parse(lab.Server.Address), 8000));
            }
            catch (SocketException)
            {
                // The link is down.
            }
        }

        await PauseAsync(200);
    }

    private async Task ReceiverAsync()
    {
        await relay.Outside.Control.RunAsync(
            "relay",
            "receiver",
            "--udp",
            ":7500",
            "--tcp",
            ":7501",
            "--name",
            "passing"
        );
        await PauseAsync(500);
        await relay.Outside.Control.RunAsync("down", "passing");
    }

    private Task PauseAsync(int most) => Task.Delay(random.Next(most / 4, most));
}
