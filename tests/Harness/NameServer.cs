// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Harness;

/// <summary>A DNS server in a namespace, and another namespace that asks it.</summary>
internal sealed class NameServer : IAsyncDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly TemporaryDirectory _settings;
    private readonly Host _server;
    private ChildProcess? _process;

    /// <summary>Prepares it; it does not run yet.</summary>
    /// <param name="server">Where it will run.</param>
    /// <param name="client">
    /// Who asks it. Must not run anything yet: <c>ip netns exec</c> puts the file in place of the host's.
    /// </param>
    public NameServer(Host server, Host client)
    {
        Requirements.Command("dnsmasq", "dnsmasq-base");
        _server = server;
        _settings = new TemporaryDirectory($"/etc/netns/{client.Namespace.Name}");
        File.WriteAllText(_settings["resolv.conf"], $"nameserver {server.Address}\noptions timeout:1 attempts:1\n");
    }

    private string Names => _directory["hosts"];

    /// <summary>Starts it.</summary>
    /// <param name="name">The name that it knows.</param>
    /// <param name="addresses">The name's addresses.</param>
    public async Task StartAsync(string name, params string[] addresses)
    {
        Write(name, addresses);
        _process = _server.Namespace.Start(
            "dnsmasq",
            "dnsmasq",
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--no-resolv",
            "--no-hosts",
            "--pid-file=",
            "--user=root",
            $"--listen-address={_server.Address}",
            "--bind-interfaces",
            $"--addn-hosts={Names}",
            "--log-facility=-",
            "--log-queries"
        );
        await WaitFor.TrueAsync(
            () => _process.Text.Contains("read ", StringComparison.Ordinal),
            "dnsmasq to read its names"
        );
    }

    /// <summary>Gives the name another address.</summary>
    public async Task ChangeAsync(string name, string address)
    {
        Write(name, address);
        await _process!.SignalAsync("HUP");
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _process?.Dispose();
        _settings.Dispose();
        _directory.Dispose();
        return ValueTask.CompletedTask;
    }

    private void Write(string name, params string[] addresses) =>
        File.WriteAllText(Names, string.Concat(addresses.Select(address => $"{address} {name}\n")));
}
