// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using UdpTunnel.Linux;

namespace UdpTunnel.Tests.Linux;

/// <summary>Runs something on a thread that has a network of its own, which ends with the thread. Needs root.</summary>
internal static partial class NetworkNamespaceThread
{
    private const int CLONE_NEWNET = 0x40000000;

    /// <summary>Runs it and waits for its end.</summary>
    /// <param name="loopbackMtu">MTU of the network's only device, in bytes.</param>
    /// <param name="test">May throw.</param>
    public static void Run(int loopbackMtu, Action test)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root: run the tests with sudo");
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                Assert.Equal(0, Unshare(CLONE_NEWNET));
                var loopback = RouteSocket.FindLink("lo")!.Value;
                RouteSocket.SetMtu(loopback, loopbackMtu);
                RouteSocket.SetUp(loopback);
                test();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
    }

    [LibraryImport("libc", EntryPoint = "unshare", SetLastError = true)]
    private static partial int Unshare(int flags);
}
