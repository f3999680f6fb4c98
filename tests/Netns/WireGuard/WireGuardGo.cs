// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using System.Security.Cryptography;
using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns.WireGuard;

/// <summary>Debian's wireguard-go with one device in a namespace, driven by <c>wg</c>.</summary>
internal sealed class WireGuardGo : IDisposable
{
    private readonly NetworkNamespace _network;
    private readonly ChildProcess _process;
    private readonly TemporaryDirectory _files = new();

    private WireGuardGo(NetworkNamespace network, string device)
    {
        _network = network;
        Device = device;
        _process = network.Start("wireguard-go", "wireguard-go", "-f", device);
    }

    /// <summary>
    /// Name of the device. Its control socket has this name on the whole machine, whatever namespace it is in.
    /// </summary>
    public string Device { get; }

    /// <summary>Starts it with a key of its own and these addresses.</summary>
    public static async Task<WireGuardGo> StartAsync(NetworkNamespace network, params string[] addresses)
    {
        var result = new WireGuardGo(network, $"wg{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}");
        await WaitFor.TrueAsync(
            async () => (await network.TryAsync("wg", "show", result.Device)).ExitCode == 0,
            "wireguard-go"
        );
        var key = await network.RunAsync("wg", "genkey");
        await result.SetAsync("private-key", result.FileWith(key));
        foreach (var address in addresses)
        {
            await network.IpAsync($"address add {address} dev {result.Device}");
        }

        await network.IpAsync($"link set {result.Device} up");
        return result;
    }

    /// <summary>Its public key, in base64.</summary>
    public async Task<string> PublicKeyAsync() => (await ShowAsync("public-key"))[0][0];

    /// <summary>The port that it listens on.</summary>
    public async Task<int> PortAsync() =>
        int.Parse((await ShowAsync("listen-port"))[0][0], CultureInfo.InvariantCulture);

    /// <summary>Lines of <c>wg show DEVICE WHAT</c>, as words.</summary>
    public async Task<string[][]> ShowAsync(string what) =>
        [
            .. (await _network.RunAsync("wg", "show", Device, what))
                .Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => line.Split('\t')),
        ];

    /// <summary>Runs <c>wg set DEVICE …</c>.</summary>
    public Task SetAsync(params string[] words) => _network.RunAsync(["wg", "set", Device, .. words]);

    /// <summary>A file with a secret in it, as <c>wg set</c> takes them.</summary>
    public string FileWith(string secret)
    {
        var path = _files[Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))];
        File.WriteAllText(path, secret);
        return path;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _process.Dispose();
        _files.Dispose();
    }
}
