// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using UdpTunnel.Config;
using UdpTunnel.Linux;
using UdpTunnel.Tunnel;
using UdpTunnel.Tunnel.Secure;

namespace UdpTunnel.Tests.Fuzz.Targets;

/// <summary>
/// Changes by the text protocol of a device's control socket: each is refused, or gives a tunnel that is valid and is
/// told in the same words.
/// </summary>
internal sealed class DeviceProtocolTarget : IFuzzTarget
{
    private const string Laptop = "acbbfcc128a83c769c00138d3b6386945645b2ce4e7ebb6f6cd57e21b5abf031";
    private const string Phone = "657ebc3fe085c407524385cfd98fc9ded9b4f5beda72fe73d7448a22c4ebf34d";

    private static readonly TunnelConfig Before = (TunnelConfig)
        ConfigFile
            .Parse(
                """
                {"Name": "wg0", "Protocol": "wireguard", "TunnelAddress": "10.99.0.1/24", "AllowedPorts": [22],
                 "Peers": [{"Name": "laptop", "PublicKey": "rHv8wSioPHacABO02O2GlFbUs5OMfrtvbNV+IbWr8DE=",
                            "AllowedIPs": ["10.99.0.2/32"]}]}
                """u8,
                null
            )
            .Configuration!;

    /// <inheritdoc/>
    public string Name => "device-protocol";

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Words { get; } =
        AllTargets.Words(
            "private_key=",
            "listen_port=",
            "fwmark=",
            "replace_peers=true\n",
            "public_key=",
            "remove=true\n",
            "update_only=true\n",
            "preshared_key=",
            "endpoint=",
            "persistent_keepalive_interval=",
            "replace_allowed_ips=true\n",
            "allowed_ip=",
            "protocol_version=1\n",
            Laptop,
            Phone,
            new string('0', 64),
            "10.99.0.2/32",
            "0.0.0.0/0",
            "fd00::/64",
            "192.0.2.1:51820",
            "[2001:db8::1]:1",
            "65535",
            "\n",
            "="
        );

    /// <inheritdoc/>
    public IEnumerable<byte[]> Seeds(Random random) =>
        AllTargets.Words(
            $"public_key={Laptop}\nremove=true\n",
            $"listen_port=51820\nfwmark=7\nreplace_peers=true\npublic_key={Phone}\nendpoint=192.0.2.1:51820\n"
                + "persistent_keepalive_interval=25\nreplace_allowed_ips=true\nallowed_ip=10.99.0.2/32\nallowed_ip=::/0\n",
            $"public_key={Phone}\nupdate_only=true\npreshared_key={new string('0', 64)}\nprotocol_version=1\n"
        );

    /// <inheritdoc/>
    public void Try(ReadOnlySpan<byte> input)
    {
        var lines = Encoding.Latin1.GetString(input).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        TunnelConfig after;
        try
        {
            after = DeviceProtocol.Apply(Before, 7, lines);
        }
        catch (DeviceProtocolException e)
        {
            Assert.Equal(Errno.Invalid, e.Errno);
            return;
        }

        Assert.Equal(after, ConfigFile.Parse(Encoding.UTF8.GetBytes(after.ToJson()), "wg0").Configuration);
        var told = DeviceProtocol.Describe(after, new TunnelStatus { Config = after, State = TunnelState.Waiting });
        Assert.EndsWith("\nerrno=0\n\n", told, StringComparison.Ordinal);
        Assert.Equal(after.Peers.Count, told.Split("public_key=").Length - 1);
    }

    /// <inheritdoc/>
    public void Dispose() { }
}
