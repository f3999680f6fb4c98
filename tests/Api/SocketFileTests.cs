// SPDX-License-Identifier: BSD-3-Clause

using System.Text.RegularExpressions;
using UdpTunnel.Tests.Api.Daemon;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Api;

/// <summary>The control socket as a file: who may open it, and what becomes of what lies in its place.</summary>
public sealed partial class SocketFileTests
{
    private const uint SomeGroup = 47_110;
    private const UnixFileMode OwnerAndGroup =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("0000")]
    [InlineData("0022")]
    [InlineData("0077")]
    public async Task The_socket_is_for_its_owner_and_group_whatever_the_caller_s_umask_is(string umask)
    {
        await using var daemon = await DaemonProcess.StartAsync(
            new DaemonSetup { Through = ["sh", "-c", $"umask {umask}; exec \"$@\"", "sh"] }
        );

        Assert.Equal(OwnerAndGroup, File.GetUnixFileMode(daemon.SocketPath));
    }

    [Fact]
    public async Task The_socket_belongs_to_root_and_the_group_udptunnel()
    {
        Requirements.Root();
        await using var daemon = await DaemonProcess.StartAsync(new DaemonSetup { OperateGroup = SomeGroup });

        Assert.Equal(
            $"0 {SomeGroup} 660\n",
            (await ChildProcess.RunAsync("stat", "-c", "%u %g %a", daemon.SocketPath)).Output
        );
    }

    /// <remarks>
    /// As for an ordinary user where the package is installed, whose group the user's namespace does not know.
    /// </remarks>
    [Fact]
    public async Task In_a_user_namespace_without_the_group_udptunnel_the_socket_is_the_daemon_s_user_s()
    {
        Requirements.Root();
        await using var daemon = await DaemonProcess.StartAsync(
            new DaemonSetup { OperateGroup = SomeGroup, Through = ["/usr/bin/unshare", "--user", "--map-root-user"] }
        );

        Assert.Equal("0 0 660\n", (await ChildProcess.RunAsync("stat", "-c", "%u %g %a", daemon.SocketPath)).Output);
        Assert.Equal(
            Role.Operate,
            (await daemon.Channel.Daemon.WhoAmIAsync(new WhoAmIRequest(), cancellationToken: Cancellation)).Role
        );
    }

    [Fact]
    public async Task Whoever_watches_the_file_never_sees_it_wider()
    {
        var seen = new HashSet<UnixFileMode>();
        for (var i = 0; i < 3; i++)
        {
            using var directory = new TemporaryDirectory();
            var path = directory["s"];
            await using var process = ChildProcess.Start(
                DaemonProcess.Program,
                "--socket",
                path,
                "--state-dir",
                directory["state"],
                "--config-dir",
                directory["etc"]
            );
            while (!process.Errors.Contains("is ready at", StringComparison.Ordinal))
            {
                Assert.False(process.HasEnded, process.Errors);
                try
                {
                    seen.Add(File.GetUnixFileMode(path));
                }
                catch (IOException)
                {
                    // Not there yet.
                }
            }
        }

        // Narrower for a moment, where the umask takes something away, and never wider.
        Assert.Contains(OwnerAndGroup, seen);
        Assert.All(seen, mode => Assert.Equal(OwnerAndGroup, mode | OwnerAndGroup));
    }

    [Fact]
    public async Task The_kernel_is_never_asked_to_make_it_wider()
    {
        Requirements.Program("/usr/bin/strace", "strace");
        using var directory = new TemporaryDirectory();
        var trace = directory["trace"];

        // -D: the daemon stays the process that was started.
        await using (
            await DaemonProcess.StartAsync(
                new DaemonSetup
                {
                    OperateGroup = Environment.IsPrivilegedProcess ? SomeGroup : null,
                    Through =
                    [
                        "/usr/bin/strace",
                        "-D",
                        "-f",
                        "-q",
                        "-o",
                        trace,
                        "-e",
                        "trace=umask,bind,listen,/chmod,/chown,/xattr,/rename,/link",
                    ],
                }
            )
        ) { }

        var calls = (await File.ReadAllLinesAsync(trace, Cancellation))
            .Select(line => SystemCall().Match(line))
            .Where(m => m.Success)
            .Select(m => (Name: m.Groups[1].Value, Arguments: m.Groups[2].Value))
            .ToList();
        var bind = calls.FindIndex(c => c.Name == "bind" && c.Arguments.Contains("/s\"", StringComparison.Ordinal));
        Assert.DoesNotContain(calls[..bind], c => c.Name == "umask");
        Assert.Contains(calls[..bind], c =>
            c.Name == "fchmod" && c.Arguments.EndsWith(", 0660", StringComparison.Ordinal)
        );

        // By the file that was bound, never by its path, which somebody may have given to another file meanwhile.
        Assert.DoesNotContain(calls, c =>
            c.Name is not ("bind" or "listen") && c.Arguments.Contains("/s\"", StringComparison.Ordinal)
        );
        Assert.All(calls.Where(c => c.Name is "chmod" or "fchmod"), c =>
            Assert.Matches("0[67][067]0$|0[67]00$", c.Arguments)
        );
        var listen = calls.FindIndex(c => c.Name == "listen");
        Assert.True(listen > bind);
        Assert.All(calls[listen..], c => Assert.DoesNotMatch("chown|xattr", c.Name));
    }

    [Fact]
    public async Task A_directory_that_gives_its_files_an_access_list_does_not_open_the_socket_to_others()
    {
        Requirements.Root();
        Requirements.Program("/usr/bin/python3", "python3");
        const string Acl = "system.posix_acl_";
        await using var daemon = await DaemonProcess.StartAsync(
            new DaemonSetup
            {
                // Everybody may do everything with what is made there, and user 4711 by name.
                Before = $"""
                python3 - "$(dirname "$3")" << END
                import os, struct, sys
                entries = [(1, 7, 2**32 - 1), (2, 7, 4711), (4, 7, 2**32 - 1), (16, 7, 2**32 - 1), (32, 7, 2**32 - 1)]
                os.setxattr(sys.argv[1], "{Acl}default", struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in entries))
                END
                """,
            }
        );

        Assert.Equal(OwnerAndGroup, File.GetUnixFileMode(daemon.SocketPath));
        var (exitCode, output, _) = await ChildProcess.RunAsync(
            "/usr/bin/python3",
            "-c",
            $"import os, sys; print(os.getxattr(sys.argv[1], '{Acl}access'))",
            daemon.SocketPath
        );
        Assert.True(exitCode != 0, output);
    }

    [Fact]
    public async Task A_socket_that_a_killed_daemon_left_is_replaced()
    {
        await using var daemon = await DaemonProcess.StartAsync();
        daemon.Process.Kill();
        await daemon.Process.WaitAsync();
        Assert.True(File.Exists(daemon.SocketPath));

        await daemon.RestartAsync();

        await daemon.Channel.Daemon.GetDaemonAsync(new GetDaemonRequest(), cancellationToken: Cancellation);
    }

    [Fact]
    public async Task A_second_daemon_on_the_same_socket_refuses_and_the_first_goes_on()
    {
        await using var daemon = await DaemonProcess.StartAsync();

        var (exitCode, errors) = await DaemonProcess.RefusesAsync(daemon.SocketPath);

        Assert.Equal(1, exitCode);
        Assert.Equal(
            $"udptunneld: another udptunneld answers at {daemon.SocketPath}: stop it, or use --socket\n",
            errors
        );
        await daemon.Channel.Daemon.GetDaemonAsync(new GetDaemonRequest(), cancellationToken: Cancellation);
    }

    [Fact]
    public async Task Of_daemons_that_start_at_once_over_a_stale_socket_one_serves_and_the_others_refuse()
    {
        using var directory = new TemporaryDirectory();
        var path = directory["s"];
        await using (var killed = Start(0))
        {
            await Eventually.BecomesTrueAsync(() => File.Exists(path), () => killed.Errors);
            killed.Kill();
            await killed.WaitAsync();
        }

        Assert.True(File.Exists(path));
        var daemons = Enumerable.Range(1, 6).Select(Start).ToList();
        try
        {
            await Eventually.BecomesTrueAsync(
                () => daemons.Count(d => d.HasEnded) >= 5,
                () => "more than one daemon runs"
            );

            var winner = Assert.Single(daemons, d => !d.HasEnded);
            using var channel = new ControlChannel(path);
            Assert.Equal(
                winner.Id,
                (await channel.Daemon.GetDaemonAsync(new GetDaemonRequest(), cancellationToken: Cancellation)).Pid
            );
        }
        finally
        {
            foreach (var daemon in daemons)
            {
                await daemon.DisposeAsync();
            }
        }

        ChildProcess Start(int number) =>
            ChildProcess.Start(
                DaemonProcess.Program,
                "--socket",
                path,
                "--state-dir",
                directory[$"state{number}"],
                "--config-dir",
                directory["etc"]
            );
    }

    [Fact]
    public async Task A_file_that_is_no_socket_is_left_alone()
    {
        using var directory = new TemporaryDirectory();
        var file = directory["precious"];
        await File.WriteAllTextAsync(file, "precious", Cancellation);

        await RefusesAsync(file, $"{file} is there and is no socket");

        Assert.Equal("precious", await File.ReadAllTextAsync(file, Cancellation));
    }

    [Fact]
    public async Task A_path_that_cannot_be_is_told_in_one_line()
    {
        using var directory = new TemporaryDirectory();

        await RefusesAsync(directory["not/there"], directory["not"]);
        await RefusesAsync(directory.Path, directory.Path);
        await RefusesAsync(directory[new string('x', 120)], "107");
        await RefusesAsync("", "--socket");
    }

    [Fact]
    public async Task A_state_directory_that_cannot_be_made_is_told_in_one_line_and_leaves_no_socket()
    {
        using var directory = new TemporaryDirectory();
        var socket = directory["s"];

        foreach (var state in new[] { "/proc/nothing/here", "/dev/null/x", "" })
        {
            var (exitCode, errors) = await DaemonProcess.RefusesAsync(socket, state);

            Assert.Equal(1, exitCode);
            Assert.StartsWith(
                "udptunneld: ",
                Assert.Single(errors.TrimEnd('\n').Split('\n')),
                StringComparison.Ordinal
            );
            Assert.False(File.Exists(socket));
        }
    }

    private static async Task RefusesAsync(string socket, string because)
    {
        var (exitCode, errors) = await DaemonProcess.RefusesAsync(socket);

        Assert.Equal(1, exitCode);
        var line = Assert.Single(errors.TrimEnd('\n').Split('\n'));
        Assert.StartsWith("udptunneld: ", line, StringComparison.Ordinal);
        Assert.Contains(because, line, StringComparison.Ordinal);
    }

    [GeneratedRegex(@"^\d+ +(\w+)\((.*)\) += ")]
    private static partial Regex SystemCall();
}
