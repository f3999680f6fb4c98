// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Api.Daemon;

/// <summary>The command that runs a program as another user, who need not exist.</summary>
internal static class AnotherUser
{
    /// <summary>
    /// The command. The user may read every file, because the build may lie where only root can read; that gives no
    /// right to connect to a socket, which takes the right to write.
    /// </summary>
    public static string[] Command(uint user, uint group, params IReadOnlyList<uint> supplementary)
    {
        Requirements.Root();
        Requirements.Program("/usr/bin/setpriv", "util-linux");
        return
        [
            "/usr/bin/setpriv",
            $"--reuid={user}",
            $"--regid={group}",
            .. supplementary.Count > 0 ? (string[])["--groups", string.Join(',', supplementary)] : ["--clear-groups"],
            "--inh-caps=-all,+dac_read_search",
            "--ambient-caps=-all,+dac_read_search",
        ];
    }
}
