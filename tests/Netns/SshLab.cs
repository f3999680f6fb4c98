// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Harness;

namespace UdpTunnel.Tests.Netns;

/// <summary>
/// A real sshd on the server's host, which finds the programs under test, and an ssh of the client's that knows its key
/// and has one of its own.
/// </summary>
internal sealed class SshLab : IDisposable
{
    /// <summary>The server as the client names it.</summary>
    public const string Target = "ssh://root@192.0.2.1:2222";

    private readonly TemporaryDirectory _directory = new();
    private readonly Lab _lab;

    private SshLab(Lab lab) => _lab = lab;

    /// <summary>What the sshd wrote.</summary>
    public string Log => File.ReadAllText(_directory["sshd.log"]);

    /// <summary>Starts the sshd, and waits until it listens.</summary>
    public static async Task<SshLab> StartAsync(Lab lab)
    {
        Requirements.Command("ssh", "openssh-client");
        if (!File.Exists("/usr/sbin/sshd"))
        {
            Assert.Skip("needs the program sshd (Debian package openssh-server)");
        }

        var ssh = new SshLab(lab);
        await ssh.WriteAsync();
        lab.Server.Namespace.Start("sshd", "sh", ssh._directory["sshd.sh"]);
        await WaitFor.TrueAsync(
            async () => (await lab.Server.Namespace.RunAsync("ss", "-Hltn", "sport = 2222")).Length > 0,
            "sshd to listen"
        );
        return ssh;
    }

    /// <summary>Runs the command on the client's host.</summary>
    public Task<CommandResult> RunAsync(params string[] arguments) => _lab.Client.Namespace.TryAsync(Words(arguments));

    /// <summary>Starts the command on the client's host.</summary>
    public ChildProcess Start(params string[] arguments) =>
        _lab.Client.Namespace.Start("udptunnelctl", Words(arguments));

    /// <summary>Has ssh forward a socket of the client's host to one of the server's.</summary>
    /// <returns>The path at the client's host.</returns>
    public async Task<string> ForwardAsync(string path)
    {
        var here = _directory["forwarded"];
        _lab.Client.Namespace.Start(
            "ssh",
            [_directory["bin/ssh"], "-N", "-p", "2222", "-L", $"{here}:{path}", "root@192.0.2.1"]
        );
        await WaitFor.TrueAsync(() => File.Exists(here), "ssh to listen");
        return here;
    }

    /// <summary>Has the client's ssh use another key, which the server does not know.</summary>
    public async Task TakeStrangersKeyAsync() =>
        (
            await Command.RunAsync(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", _directory["key"]], "y\n")
        ).RequireSuccess();

    /// <summary>Has the client's ssh forget the server's key.</summary>
    public void ForgetServer() => File.WriteAllText(_directory["known_hosts"], "");

    /// <inheritdoc/>
    public void Dispose() => _directory.Dispose();

    // The client's own daemon is where the variable says: what does not go through ssh would be answered by it.
    private string[] Words(string[] arguments) =>
        [
            "env",
            $"PATH={_directory["bin"]}:{Environment.GetEnvironmentVariable("PATH")}",
            $"UDPTUNNEL_SOCKET={_lab.Client.Daemon.SocketPath}",
            Programs.Control,
            .. arguments,
        ];

    private async Task WriteAsync()
    {
        foreach (var name in new[] { "host_key", "key" })
        {
            (
                await Command.RunAsync(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", _directory[name]])
            ).RequireSuccess();
        }

        File.Copy(_directory["key.pub"], _directory["authorized"]);
        var hostKey = await File.ReadAllTextAsync(_directory["host_key.pub"]);
        await File.WriteAllTextAsync(_directory["known_hosts"], $"[192.0.2.1]:2222 {hostKey}");
        await File.WriteAllTextAsync(
            _directory["sshd_config"],
            $"""
            Port 2222
            HostKey {_directory["host_key"]}
            AuthorizedKeysFile {_directory["authorized"]}
            AuthenticationMethods publickey
            PermitRootLogin prohibit-password
            PidFile none
            UsePAM no
            StrictModes no
            SetEnv PATH={Path.GetDirectoryName(
                Programs.Control
            )}:/usr/bin:/bin UDPTUNNEL_SOCKET={_lab.Server.Daemon.SocketPath}

            """
        );

        // `ip netns exec` gives a program mounts of its own, where sshd finds what this machine may lack: its
        // directory, and a root that is not locked.
        await File.WriteAllTextAsync(_directory["shadow"], "root:*:19000::::::\n");
        await File.WriteAllTextAsync(
            _directory["sshd.sh"],
            $"""
            set -e
            mount -t tmpfs none /run
            mkdir -m 755 /run/sshd
            mount --bind {_directory["shadow"]} /etc/shadow
            exec /usr/sbin/sshd -D -e -f {_directory["sshd_config"]} 2>{_directory["sshd.log"]}

            """
        );
        await File.WriteAllTextAsync(
            _directory["ssh.conf"],
            $"""
            Host *
                IdentityFile {_directory["key"]}
                IdentitiesOnly yes
                UserKnownHostsFile {_directory["known_hosts"]}
                GlobalKnownHostsFile none
                UpdateHostKeys no
                StrictHostKeyChecking yes

            """
        );

        // ssh takes its user's files from the user's home, whatever HOME says.
        Directory.CreateDirectory(_directory["bin"]);
        await File.WriteAllTextAsync(
            _directory["bin/ssh"],
            $"#!/bin/sh\nexec /usr/bin/ssh -F {_directory["ssh.conf"]} \"$@\"\n"
        );
        File.SetUnixFileMode(
            _directory["bin/ssh"],
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        );
    }
}
