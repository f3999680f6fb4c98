// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Api.Daemon;

/// <summary>What a test needs of the machine; without it the test is skipped and says what is missing.</summary>
internal static class Requirements
{
    /// <summary>Needs root, for example to make a namespace or another user's process.</summary>
    public static void Root() =>
        Assert.SkipUnless(System.Environment.IsPrivilegedProcess, "needs root: run the tests with sudo");

    /// <summary>Needs a daemon that can make TUN devices.</summary>
    public static void Tun()
    {
        Root();
        Assert.SkipUnless(
            File.Exists("/dev/net/tun"),
            "needs /dev/net/tun: load the kernel module with `modprobe tun`"
        );
    }

    /// <summary>Needs a program.</summary>
    /// <param name="path">Where distributions put it.</param>
    /// <param name="package">Debian's package with it.</param>
    public static void Program(string path, string package) =>
        Assert.SkipUnless(File.Exists(path), $"{path} is missing: install Debian's package {package}");
}
