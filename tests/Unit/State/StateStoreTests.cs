// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.State;

namespace UdpTunnel.Tests.State;

public sealed class StateStoreTests : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("udptunnel-unit-");
    private readonly EventLog _events = new(TimeProvider.System, NullLogger<EventLog>.Instance);

    private string Tunnels => Path.Combine(_directory.FullName, "state", "tunnels");

    private string Sessions => Path.Combine(_directory.FullName, "state", "sessions");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public void What_was_saved_is_loaded_by_the_next_daemon()
    {
        var store = Open();
        var a = Server("a", ", \"PacketMagic\": \"word \\u0000 \\\" ü\"");
        store.Save(a);
        store.Save(Server("b"));
        store.Save(Server("c"));
        store.Forget("b");

        Assert.Equal([a, Server("c")], Open().Load());
        Assert.Empty(_events.After(0));
    }

    [Fact]
    public void Saving_again_replaces()
    {
        var store = Open();
        store.Save(Server("a"));
        store.Save(Server("a") with { Mtu = 1400 });

        Assert.Equal(1400, Assert.Single(store.Load()).Mtu);
        Assert.Equal(["a.json"], Directory.EnumerateFiles(Tunnels).Select(Path.GetFileName));
    }

    [Fact]
    public async Task Whoever_reads_meanwhile_sees_the_old_or_the_new_one_whole()
    {
        var store = Open();
        TunnelConfig[] configs = [Server("a"), Server("a", $", \"PacketMagic\": \"{new string('x', 60_000)}\"")];
        string[] texts = [.. configs.Select(c => c.ToJson())];
        store.Save(configs[0]);
        using var stop = new CancellationTokenSource();
        var reader = Task.Run(
            () =>
            {
                var reads = 0;
                while (!stop.IsCancellationRequested || reads == 0)
                {
                    Assert.Contains(File.ReadAllText(Path.Combine(Tunnels, "a.json")), texts);
                    reads++;
                }
            },
            TestContext.Current.CancellationToken
        );

        for (var i = 0; i < 200 && !reader.IsCompleted; i++)
        {
            store.Save(configs[i % 2]);
        }

        await stop.CancelAsync();
        await reader;
    }

    [Fact]
    public void Only_the_owner_reads_what_holds_secrets()
    {
        var store = Open();
        store.Save(Server("a"));
        store.SaveSession("a", new Session(DateTimeOffset.UnixEpoch, null, []));

        Assert.Equal(OwnerOnly | UnixFileMode.UserExecute, File.GetUnixFileMode(Tunnels));
        Assert.Equal(OwnerOnly | UnixFileMode.UserExecute, File.GetUnixFileMode(Sessions));
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(Path.Combine(Tunnels, "a.json")));
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(Path.Combine(Sessions, "a")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("{\"TunnelAddress\": \"10.0.0.1\"}")]
    [InlineData(
        "{\"Name\": \"other\", \"TunnelAddress\": \"10.0.0.1\", \"NetworkAddress\": \":8000\", \"AllowedPorts\": [22]}"
    )]
    [InlineData("{\"Relay\": \"receiver\", \"UdpAddress\": \":53\", \"TcpAddress\": \":5353\"}")]
    [InlineData("\u00ff\u00fe\0\0")]
    public void A_damaged_file_is_set_aside_and_told_and_the_rest_is_loaded(string text)
    {
        Open().Save(Server("good"));
        var path = Path.Combine(Tunnels, "bad.json");
        File.WriteAllText(path, text, Encoding.Latin1);

        Assert.Equal([Server("good")], Open().Load());

        Assert.False(File.Exists(path));
        Assert.Equal(Encoding.Latin1.GetBytes(text), File.ReadAllBytes(path + ".damaged"));
        var told = Assert.Single(_events.After(0));
        Assert.Equal((EventKind.StateDamaged, EventLevel.Error), (told.Kind, told.Level));
        Assert.Contains(path, told.Message, StringComparison.Ordinal);

        // Told once: it is out of the way now.
        Assert.Equal([Server("good")], Open().Load());
        Assert.Single(_events.After(0));
    }

    [Theory]
    [InlineData("tunnels")]
    [InlineData("relays")]
    [InlineData("sessions")]
    public void A_link_in_the_place_of_a_directory_is_refused(string name)
    {
        var elsewhere = Directory.CreateDirectory(Path.Combine(_directory.FullName, "elsewhere"));
        Directory.CreateDirectory(Path.Combine(_directory.FullName, "state"), OwnerOnly | UnixFileMode.UserExecute);
        File.CreateSymbolicLink(Path.Combine(_directory.FullName, "state", name), elsewhere.FullName);

        Assert.Contains("is a link", Assert.Throws<IOException>(Open).Message, StringComparison.Ordinal);
        Assert.Empty(elsewhere.EnumerateFileSystemInfos());
    }

    [Fact]
    public void A_link_in_the_place_of_a_file_is_neither_read_nor_written_through()
    {
        var secret = Path.Combine(_directory.FullName, "secret");
        File.WriteAllText(secret, Server("a").ToJson());
        var store = Open();
        File.CreateSymbolicLink(Path.Combine(Tunnels, "a.json"), secret);
        File.CreateSymbolicLink(Path.Combine(Tunnels, ".b.json.new"), secret);

        Assert.Empty(store.Load());
        File.CreateSymbolicLink(Path.Combine(Tunnels, "b.json"), secret);
        File.CreateSymbolicLink(Path.Combine(Tunnels, ".b.json.new"), secret);
        store.Save(Server("b"));

        Assert.Equal(Server("a").ToJson(), File.ReadAllText(secret));
        Assert.Null(new FileInfo(Path.Combine(Tunnels, "b.json")).LinkTarget);
        Assert.Contains("is a link", Assert.Single(_events.After(0)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_whose_name_is_no_tunnel_s_is_set_aside()
    {
        Open();
        File.WriteAllText(Path.Combine(Tunnels, "no name.json"), Server("x").ToJson());

        Assert.Empty(Open().Load());
        Assert.True(File.Exists(Path.Combine(Tunnels, "no name.json.damaged")));
    }

    [Fact]
    public void What_a_crash_left_half_written_is_removed()
    {
        Open().Save(Server("a"));
        File.WriteAllText(Path.Combine(Tunnels, ".a.json.new"), "{\"Tunnel");

        Assert.Equal([Server("a")], Open().Load());
        Assert.Equal(["a.json"], Directory.EnumerateFiles(Tunnels).Select(Path.GetFileName));
        Assert.Empty(_events.After(0));
    }

    [Fact]
    public void A_disk_that_refuses_is_told_and_the_old_one_stays()
    {
        var store = Open();
        store.Save(Server("a"));

        // A directory where the new file is written first: refused to root, too.
        Directory.CreateDirectory(Path.Combine(Tunnels, ".a.json.new"));

        Assert.ThrowsAny<Exception>(() => store.Save(Server("a") with { Mtu = 1400 }));
        Assert.Equal([Server("a")], store.Load());
    }

    [Fact]
    public void A_directory_that_is_read_only_is_told()
    {
        Assert.SkipWhen(Environment.IsPrivilegedProcess, "needs an ordinary user: root writes everywhere");
        var store = Open();
        store.Save(Server("a"));
        File.SetUnixFileMode(Tunnels, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        try
        {
            Assert.Throws<UnauthorizedAccessException>(() => store.Save(Server("b")));
            Assert.Throws<UnauthorizedAccessException>(() => store.Forget("a"));
            Assert.Equal([Server("a")], store.Load());
        }
        finally
        {
            File.SetUnixFileMode(Tunnels, OwnerOnly | UnixFileMode.UserExecute);
        }
    }

    [Fact]
    public void A_directory_that_cannot_be_made_is_told_with_its_name()
    {
        File.WriteAllText(Path.Combine(_directory.FullName, "state"), "");

        Assert.Contains(_directory.FullName, Assert.Throws<IOException>(Open).Message, StringComparison.Ordinal);
        Assert.Throws<IOException>(() => new StateStore("", _events));
    }

    [Fact]
    public void Sessions_are_kept_by_name_and_lost_without_harm()
    {
        var store = Open();
        var session = new Session(
            DateTimeOffset.FromUnixTimeSeconds(5),
            System.Net.IPEndPoint.Parse("192.0.2.1:9"),
            []
        );
        Assert.Null(store.LoadSession("a"));

        // The file that is written first must not be another tunnel's.
        store.SaveSession("a.new", session);
        store.SaveSession("a", session with { Peer = null });
        Assert.Equal(session.Peer, store.LoadSession("a.new")?.Peer);
        Assert.Null(store.LoadSession("a")!.Peer);

        store.Save(Server("a"));
        store.Forget("a");
        Assert.NotNull(store.LoadSession("a"));
        store.ForgetSession("a");
        Assert.Null(store.LoadSession("a"));
        store.ForgetSessionsExcept(new HashSet<string>(["x"]));
        Assert.Empty(Directory.EnumerateFiles(Sessions));

        Directory.Delete(Sessions);
        store.SaveSession("a", session);
        Assert.Null(store.LoadSession("a"));
    }

    [Fact]
    public void The_key_of_a_tunnel_is_made_once_and_stays_when_the_tunnel_is_forgotten()
    {
        var store = Open();
        var key = store.GetKey("a", () => Key(1));
        Assert.Equal(key, Key(1));
        Assert.Equal(key, Open().GetKey("a", () => Key(2)));
        Assert.Equal(Key(2), store.GetKey("b", () => Key(2)));
        store.Save(Server("a"));
        store.Forget("a");
        Assert.Equal(key, store.GetKey("a", () => Key(3)));

        var path = Path.Combine(_directory.FullName, "state", "keys", "a");
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(path));
        File.WriteAllText(path, key.Reveal()[..40]);
        var refused = Assert.Throws<IOException>(() => store.GetKey("a", () => Key(3)));
        Assert.Contains(path, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(key.Reveal()[..20], refused.Message, StringComparison.Ordinal);

        static SecretKey Key(byte fill) => SecretKey.FromBytes(Enumerable.Repeat(fill, SecretKey.Size).ToArray());
    }

    private StateStore Open() => new(Path.Combine(_directory.FullName, "state"), _events);

    private static TunnelConfig Server(string name, string more = "") =>
        (TunnelConfig)
            ConfigFile
                .Parse(
                    Encoding.UTF8.GetBytes(
                        $$"""{"TunnelAddress": "10.0.0.1", "NetworkAddress": ":8000", "AllowedPorts": [22, "80-90"]{{more}}}"""
                    ),
                    name
                )
                .Configuration!;
}
