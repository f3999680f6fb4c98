// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.State;

namespace UdpTunnel.Tests.State;

/// <summary>Where the files come from that start with the daemon.</summary>
public sealed class ConfigDirectoryTests : IDisposable
{
    private const string Tunnel = """{"TunnelAddress": "10.99.0.1", "NetworkAddress": ":8000", "AllowedPorts": [22]}""";

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("config-directory-");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public void A_credential_of_the_service_manager_is_a_file_as_any_other()
    {
        Write("etc/tunnels.d/home.json", Tunnel);
        Write("credentials/private_secret.json", Tunnel);
        Write("credentials/named.json", Tunnel);
        Write("credentials/key", "no configuration");

        var files = ConfigDirectory.Read(In("etc"), In("credentials"));

        Assert.Equal(["home", "named", "secret"], files.Select(f => f.Name));
        Assert.All(files, f => Assert.NotNull(f.Configuration));
    }

    [Fact]
    public void A_credential_does_not_displace_a_file()
    {
        Write("etc/tunnels.d/home.json", Tunnel);
        Write("credentials/private_home.json", Tunnel);

        var files = ConfigDirectory.Read(In("etc"), In("credentials"));

        Assert.NotNull(files[0].Configuration);
        Assert.Null(files[1].Configuration);
        Assert.Contains("describes home, as", files[1].Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_of_wg_quick_starts_as_any_other_and_this_end_s_key_among_its_peers_is_found()
    {
        const string Private = "SP234PKzlv04ShqslSPM0iHgDf+iaK46kWHjug++wHg=";
        const string Public = "ZX68P+CFxAdSQ4XP2Y/J3tm09b7acv5z10ekIsTr800=";
        Write("etc/tunnels.d/wg0.conf", $"[Interface]\nAddress = 10.98.0.1/24\nPrivateKey = {Private}\n");
        Write(
            "etc/tunnels.d/wg1.conf",
            $"[Interface]\nPrivateKey = {Private}\n[Peer]\nPublicKey = {Public}\nAllowedIPs = 10.97.0.2/32\n"
        );
        Write("etc/tunnels.d/notes.txt", "no configuration");

        var files = ConfigDirectory.Read(In("etc"), In("credentials"));

        Assert.Equal(["wg0", "wg1"], files.Select(f => f.Name));
        Assert.NotNull(files[0].Configuration);
        Assert.Contains(
            "wg1.conf:4:13: PublicKey: is this end's own public key",
            files[1].Problem,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Directories_that_are_not_there_are_empty() =>
        Assert.Empty(ConfigDirectory.Read(In("etc"), In("credentials")));

    /// <remarks>A FIFO has no writer, a device no end, and a file of /proc says that it is empty.</remarks>
    [Fact]
    public async Task What_is_no_regular_file_of_2_MiB_is_refused_at_once_and_the_rest_is_read()
    {
        Write("etc/tunnels.d/home.json", Tunnel);
        Write("etc/real", Tunnel);
        File.CreateSymbolicLink(In("etc/tunnels.d/link.json"), In("etc/real"));
        Make("mkfifo", In("etc/tunnels.d/fifo.json"));
        Make("mkfifo", In("etc/fifo"));
        File.CreateSymbolicLink(In("etc/tunnels.d/link-to-fifo.json"), In("etc/fifo"));
        File.CreateSymbolicLink(In("etc/tunnels.d/zero.json"), "/dev/zero");
        File.CreateSymbolicLink(In("etc/tunnels.d/terminal.json"), "/dev/tty");
        File.CreateSymbolicLink(In("etc/tunnels.d/endless.json"), "/proc/self/pagemap");
        File.CreateSymbolicLink(In("etc/tunnels.d/dangling.json"), "/nowhere/at/all");
        File.CreateSymbolicLink(In("etc/tunnels.d/loop.json"), In("etc/tunnels.d/loop.json"));
        Directory.CreateDirectory(In("etc/tunnels.d/directory.json"));
        using (var sparse = File.Create(In("etc/tunnels.d/sparse.json")))
        {
            sparse.SetLength(1L << 40);
        }

        using var socket = new System.Net.Sockets.Socket(
            System.Net.Sockets.AddressFamily.Unix,
            System.Net.Sockets.SocketType.Stream,
            System.Net.Sockets.ProtocolType.Unspecified
        );
        socket.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(In("etc/tunnels.d/socket.json")));

        long allocated = 0;
        var files = await Task.Run(
                () =>
                {
                    var before = GC.GetAllocatedBytesForCurrentThread();
                    var read = ConfigDirectory.Read(In("etc"));
                    allocated = GC.GetAllocatedBytesForCurrentThread() - before;
                    return read;
                },
                TestContext.Current.CancellationToken
            )
            .WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);

        Assert.InRange(allocated, 1, 64 * 1024 * 1024);
        Assert.Equal(["home", "link"], files.Where(f => f.Configuration is not null).Select(f => f.Name));
        Assert.All(files.Where(f => f.Configuration is null), f =>
            Assert.Contains("etc/", f.Problem, StringComparison.Ordinal)
        );
        Assert.Contains("is a FIFO", Problem("fifo"), StringComparison.Ordinal);
        Assert.Contains("is a FIFO", Problem("link-to-fifo"), StringComparison.Ordinal);
        Assert.Contains("is a device", Problem("zero"), StringComparison.Ordinal);
        Assert.Contains("is a device", Problem("terminal"), StringComparison.Ordinal);
        Assert.Contains("is a socket", Problem("socket"), StringComparison.Ordinal);
        Assert.Contains("longer than", Problem("sparse"), StringComparison.Ordinal);
        Assert.Contains("longer than", Problem("endless"), StringComparison.Ordinal);

        string Problem(string name) => Assert.Single(files, f => f.Name == name).Problem;
    }

    private static void Make(string program, params string[] arguments)
    {
        using var process = System.Diagnostics.Process.Start(program, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    private string In(string name) => Path.Combine(_directory.FullName, name);

    private void Write(string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(In(name))!);
        File.WriteAllText(In(name), text);
    }
}
