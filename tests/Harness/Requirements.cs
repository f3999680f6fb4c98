// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Harness;

/// <summary>What a test needs of the machine. Where it is missing the test is skipped, and says why.</summary>
internal static class Requirements
{
    /// <summary>What all tests of this project need.</summary>
    public static void Check()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            Assert.Skip("needs root: network namespaces and TUN devices");
        }

        if (!File.Exists("/dev/net/tun"))
        {
            Assert.Skip("needs /dev/net/tun: modprobe tun");
        }

        Command("ip", "iproute2");
        Command("nft", "nftables");
    }

    /// <summary>A program that only some tests need.</summary>
    public static void Command(string name, string package)
    {
        if (!Has(name))
        {
            Assert.Skip($"needs the command {name} (Debian package {package})");
        }
    }

    /// <summary>Whether a program is installed.</summary>
    public static bool Has(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(':')
            .Any(directory => File.Exists(Path.Combine(directory, name)));
}
