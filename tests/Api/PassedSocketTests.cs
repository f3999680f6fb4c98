using UdpTunnel.Tests.Api.Daemon;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Api;

/// <summary>The control socket as a service manager passes it (sd_listen_fds(3)).</summary>
public sealed class PassedSocketTests
{
    /// <summary>Makes a socket at the path behind --socket and becomes the daemon, with the descriptor and the variables that systemd gives.</summary>
    private const string Manager = """
        import os, socket, sys
        mode, count, listens, command = int(sys.argv[1], 8), sys.argv[2], sys.argv[3] == "listens", sys.argv[4:]
        os.umask(0o777 & ~mode)
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.bind(command[command.index("--socket") + 1])
        if listens:
            made.listen(16)
        os.dup2(made.fileno() if sys.argv[3] != "file" else os.open("/dev/null", os.O_RDONLY), 3)
        os.set_inheritable(3, True)
        os.environ.update(LISTEN_FDS=count, LISTEN_PID=str(os.getpid()))
        os.execv(command[0], command)
        """;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_is_used_as_it_is_and_stays_when_the_daemon_ends()
    {
        await using var daemon = await DaemonProcess.StartAsync(Passed("660"));
        var made = File.GetCreationTimeUtc(daemon.SocketPath);

        Assert.Equal(Role.Operate, (await daemon.Channel.Daemon.WhoAmIAsync(new WhoAmIRequest(), cancellationToken: Cancellation)).Role);
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
    public async Task One_that_lets_everybody_in_or_is_none_is_refused(string mode, string count, string listens, string reason)
    {
        var (exitCode, errors) = await DaemonProcess.RefusesAsync(Passed(mode, count, listens));

        Assert.Equal(1, exitCode);
        Assert.Contains(reason, errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_meant_for_another_process_is_not_taken()
    {
        await using var daemon = await DaemonProcess.StartAsync(
            new DaemonSetup { Through = ["/usr/bin/env", "LISTEN_FDS=1", "LISTEN_PID=1"] });

        Assert.Equal(Role.Operate, (await daemon.Channel.Daemon.WhoAmIAsync(new WhoAmIRequest(), cancellationToken: Cancellation)).Role);
    }

    private static DaemonSetup Passed(string mode, string count = "1", string listens = "listens")
    {
        Requirements.Program("/usr/bin/python3", "python3");
        return new DaemonSetup { Through = ["/usr/bin/python3", "-c", Manager, mode, count, listens] };
    }
}
