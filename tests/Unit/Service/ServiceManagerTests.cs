// SPDX-License-Identifier: BSD-3-Clause

using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using UdpTunnel.Linux;
using UdpTunnel.Service;
using UdpTunnel.Waiting;

namespace UdpTunnel.Tests.Service;

/// <summary>What a service manager hears, at a socket such as systemd's.</summary>
[Collection(nameof(Pulse))]
public sealed class ServiceManagerTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"notify-{Guid.NewGuid():N}");
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified)
    {
        ReceiveTimeout = 5000,
    };

    public ServiceManagerTests() => _socket.Bind(new UnixDomainSocketEndPoint(_path));

    public void Dispose()
    {
        _socket.Dispose();
        File.Delete(_path);
    }

    [Fact]
    public void Each_state_is_one_message()
    {
        var manager = Manager(("NOTIFY_SOCKET", _path));

        manager.NotifyReady();
        manager.NotifyAlive();
        manager.NotifyStopping();

        Assert.Equal(["READY=1", "WATCHDOG=1", "STOPPING=1"], [Heard(), Heard(), Heard()]);
    }

    [Fact]
    public void A_reload_is_told_with_the_time_of_the_monotonic_clock()
    {
        var before = NotifySocket.Microseconds;

        Manager(("NOTIFY_SOCKET", _path)).NotifyReloading();

        var lines = Heard().Split('\n');
        Assert.Equal("RELOADING=1", lines[0]);
        Assert.StartsWith("MONOTONIC_USEC=", lines[1], StringComparison.Ordinal);
        Assert.InRange(long.Parse(lines[1]["MONOTONIC_USEC=".Length..], null), before, NotifySocket.Microseconds);
    }

    [Fact]
    public void An_abstract_socket_is_reached_too()
    {
        using var listener = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified)
        {
            ReceiveTimeout = 5000,
        };
        var name = Guid.NewGuid().ToString("N");
        listener.Bind(new UnixDomainSocketEndPoint($"\0{name}"));

        Manager(("NOTIFY_SOCKET", $"@{name}")).NotifyReady();

        Assert.Equal("READY=1", Heard(listener));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("/nowhere/notify")]
    [InlineData("vsock:2:1234")]
    public void A_manager_that_does_not_listen_is_no_reason_to_stop(string? socket)
    {
        var manager = Manager(("NOTIFY_SOCKET", socket), ("WATCHDOG_USEC", "30000000"));

        manager.NotifyReady();

        Assert.Equal(socket is { Length: > 0 } ? TimeSpan.FromSeconds(30) : null, manager.WatchdogTimeout);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("soon")]
    [InlineData("99999999999999999999999")]
    public void Without_a_sensible_timeout_there_is_no_watchdog(string? microseconds) =>
        Assert.Null(Manager(("NOTIFY_SOCKET", _path), ("WATCHDOG_USEC", microseconds)).WatchdogTimeout);

    [Fact]
    public void A_timeout_for_another_process_does_not_count() =>
        Assert.Null(
            Manager(("NOTIFY_SOCKET", _path), ("WATCHDOG_USEC", "30000000"), ("WATCHDOG_PID", "1")).WatchdogTimeout
        );

    [Fact]
    public async Task Nothing_is_told_while_a_thread_hangs()
    {
        var time = new FakeTimeProvider();
        using var watchdog = new Watchdog(
            Manager(("NOTIFY_SOCKET", _path), ("WATCHDOG_USEC", "20000000")),
            time,
            NullLogger<Watchdog>.Instance
        );
        using var hangs = new ManualResetEventSlim();
        using var release = new ManualResetEventSlim();
        var thread = new Thread(() =>
        {
            using var pulse = Pulse.OfThisThread();
            hangs.Wait();
            pulse.Works();
            release.Wait();
        })
        {
            Name = "hangs",
        };
        thread.Start();
        await watchdog.StartAsync(CancellationToken.None);
        Assert.Equal("WATCHDOG=1", Heard());

        hangs.Set();
        await Task.Run(
            () => SpinWait.SpinUntil(() => Pulse.Stuck().Contains("hangs"), TimeSpan.FromSeconds(5)),
            TestContext.Current.CancellationToken
        );
        time.Advance(TimeSpan.FromSeconds(10));

        await Task.Delay(100, TestContext.Current.CancellationToken);
        Assert.Equal(0, _socket.Available);

        release.Set();
        thread.Join();
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal("WATCHDOG=1", Heard());
        await watchdog.StopAsync(CancellationToken.None);
    }

    private static ServiceManager Manager(params (string Name, string? Value)[] variables) =>
        new(NullLogger<ServiceManager>.Instance, name => variables.FirstOrDefault(v => v.Name == name).Value);

    private static string Heard(Socket socket)
    {
        var buffer = new byte[1000];
        return Encoding.UTF8.GetString(buffer, 0, socket.Receive(buffer));
    }

    private string Heard() => Heard(_socket);
}
