// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Api.Daemon;
using UdpTunnel.Tests.Api.Roles;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Api;

/// <summary>The control socket as a service manager passes it (sd_listen_fds(3)).</summary>
public sealed class PassedSocketTests
{
    /// <summary>
    /// Makes a socket at the path behind --socket and becomes the daemon, with the descriptor and the variables that
    /// systemd gives.
    /// </summary>
    private const string Manager = """
        import os, socket, struct, sys
        mode, count, listens, command = int(sys.argv[1], 8), sys.argv[2], sys.argv[3] == "listens", sys.argv[4:]
        before = os.umask(0o777 & ~mode)
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.bind(command[command.index("--socket") + 1])
        os.umask(before)
        if "ALLOWED" in os.environ:
            none, group = 2**32 - 1, int(os.environ["ALLOWED"])
            entries = [(1, 6, none), (4, 6, none), (8, 6, group), (16, 6, none), (32, 0, none)]
            packed = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
            os.setxattr(made.getsockname(), "system.posix_acl_access", packed)
        if listens:
            made.listen(16)
        os.dup2(made.fileno() if sys.argv[3] != "file" else os.open("/dev/null", os.O_RDONLY), 3)
        os.set_inheritable(3, True)
        os.environ.update(LISTEN_FDS=count, LISTEN_PID=str(os.getpid()))
        os.execv(command[0], command)
        """;

    private const uint SomeUser = 47_001;
    private const uint Onlookers = 47_111;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_is_used_as_it_is_and_stays_when_the_daemon_ends()
    {
        await using var daemon = await DaemonProcess.StartAsync(Passed("660"));
        var made = File.GetCreationTimeUtc(daemon.SocketPath);

        Assert.Equal(
            Role.Operate,
            (await daemon.Channel.Daemon.WhoAmIAsync(new WhoAmIRequest(), cancellationToken: Cancellation)).Role
        );
        Assert.Contains($"is ready at {daemon.SocketPath}", daemon.Process.Errors, StringComparison.Ordinal);
        Assert.Equal(0, await daemon.StopAsync());

        Assert.Equal(made, File.GetCreationTimeUtc(daemon.SocketPath));
    }

    [Theory]
    [InlineData("666", "1", "listens", "SocketMode=0660")]
    [InlineData("664", "1", "listens", "SocketMode=0660")]
    [InlineData("660", "2", "listens", "2 sockets were passed")]
    [InlineData("660", "1", "file", "is no socket")]
    [InlineData("660", "1", "not", "not a listening Unix stream socket")]
    public async Task One_that_lets_everybody_in_or_is_none_is_refused(
        string mode,
        string count,
        string listens,
        string reason
    )
    {
        var (exitCode, errors) = await DaemonProcess.RefusesAsync(Passed(mode, count, listens));

        Assert.Equal(1, exitCode);
        Assert.Contains(reason, errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_group_that_looks_may_connect_to_it()
    {
        Requirements.Root();
        await using var daemon = await DaemonProcess.StartAsync(Passed("660") with { LookGroup = Onlookers });
        File.SetUnixFileMode(daemon.Directory, OpenDaemonFixture.EverybodyMayEnter);

        Assert.Equal("Look", (await new Caller(SomeUser, Onlookers).CallEverythingAsync(daemon.SocketPath)).Role);
        Assert.Equal("Unavailable", (await new Caller(SomeUser, SomeUser).CallEverythingAsync(daemon.SocketPath)).Role);
        Assert.DoesNotContain("cannot connect", daemon.Process.Errors, StringComparison.Ordinal);
    }

    /// <remarks>As in the package, where the socket is root's and the daemon is not.</remarks>
    [Fact]
    public async Task Where_the_daemon_cannot_let_the_group_that_looks_connect_it_says_so()
    {
        Requirements.Root();
        await using var daemon = await DaemonProcess.StartAsync(RootsSocket() with { LookGroup = Onlookers });

        Assert.Contains(
            $"members of udptunnel-look cannot connect; let them: setfacl -m g:udptunnel-look:rw {daemon.SocketPath}",
            daemon.Process.Errors,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Where_its_maker_has_let_the_group_that_looks_connect_the_daemon_is_content()
    {
        Requirements.Root();
        await using var daemon = await DaemonProcess.StartAsync(
            RootsSocket(allowed: Onlookers) with
            {
                LookGroup = Onlookers,
            }
        );
        File.SetUnixFileMode(daemon.Directory, OpenDaemonFixture.EverybodyMayEnter);

        Assert.Equal("Look", (await new Caller(SomeUser + 1, Onlookers).CallEverythingAsync(daemon.SocketPath)).Role);
        Assert.DoesNotContain("cannot connect", daemon.Process.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_meant_for_another_process_is_not_taken()
    {
        await using var daemon = await DaemonProcess.StartAsync(
            new DaemonSetup { Through = ["/usr/bin/env", "LISTEN_FDS=1", "LISTEN_PID=1"] }
        );

        Assert.Equal(
            Role.Operate,
            (await daemon.Channel.Daemon.WhoAmIAsync(new WhoAmIRequest(), cancellationToken: Cancellation)).Role
        );
    }

    /// <summary>
    /// The socket is root's, the daemon another user; a group may connect besides that of the socket.
    /// </summary>
    private static DaemonSetup RootsSocket(uint? allowed = null)
    {
        var passed = Passed("660") with { User = SomeUser };
        return allowed is null
            ? passed
            : passed with
            {
                Through = ["/usr/bin/env", $"ALLOWED={allowed}", .. passed.Through],
            };
    }

    private static DaemonSetup Passed(string mode, string count = "1", string listens = "listens")
    {
        Requirements.Program("/usr/bin/python3", "python3");
        return new DaemonSetup { Through = ["/usr/bin/python3", "-c", Manager, mode, count, listens] };
    }
}
