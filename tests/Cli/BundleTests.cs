// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Output;
using UdpTunnel.Tests.Cli.Relays;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli;

/// <summary><c>doctor --bundle</c>.</summary>
public sealed class BundleTests
{
    private const string Key = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=";

    [Fact]
    public async Task The_report_has_what_the_daemon_and_this_host_say()
    {
        await using var server = await FakeServer.StartAsync();
        Answer(server);

        var run = await CommandRun.OfAsync(server, "doctor", "--bundle", "-");

        Assert.Equal(0, run.ExitCode);
        var report = run.Output.ToString();
        Assert.All(
            ["===== doctor", "x.invalid does not resolve", "\"name\":\"home\"", "the peer moved", "===== ip rule"],
            text => Assert.Contains(text, report, StringComparison.Ordinal)
        );
        Assert.Contains("===== /proc/sys/net/ipv4/ip_forward\n", report, StringComparison.Ordinal);
    }

    /// <summary>Of a daemon that should not give any.</summary>
    [Fact]
    public async Task What_looks_like_a_secret_is_taken_out()
    {
        await using var server = await FakeServer.StartAsync();
        Answer(server);
        server.Daemon.GetConfiguration = _ =>
            Task.FromResult(
                new GetConfigurationResponse
                {
                    Configuration = $$"""{"PrivateKey": "{{Key}}", "PacketMagic":"wombat", "Mtu": 1400}""",
                }
            );

        var run = await CommandRun.OfAsync(server, "doctor", "--bundle", "-");

        var report = run.Output.ToString();
        Assert.DoesNotContain(Key, report, StringComparison.Ordinal);
        Assert.DoesNotContain("wombat", report, StringComparison.Ordinal);
        Assert.Contains("\"Mtu\": 1400", report, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("PrivateKey = " + Key)]
    [InlineData("  PresharedKey=" + Key + "\r")]
    [InlineData("private_key=" + Key)]
    [InlineData("{\"PresharedKey\":\"" + Key + "\"}")]
    [InlineData("private key: " + Key)]
    [InlineData("utj1_" + "yAnz5TF-lXXJte14tji3zlMNq_hd2rYUIgJBgB3fBmk=")]
    public void Secrets_are_known_by_their_fields_and_tokens_by_their_beginning(string text)
    {
        var shown = Secrets.TakeOut($"before {text} after");

        Assert.DoesNotContain("yAnz5TF", shown, StringComparison.Ordinal);
        Assert.StartsWith("before ", shown, StringComparison.Ordinal);
        Assert.EndsWith("after", shown, StringComparison.Ordinal);
        Assert.Contains("(hidden)", shown, StringComparison.Ordinal);
    }

    [Fact]
    public void Public_keys_stay()
    {
        const string Text = $"PublicKey = {Key}\npeer: {Key}";

        Assert.Equal(Text, Secrets.TakeOut(Text));
    }

    [Fact]
    public async Task A_file_is_its_owner_s_alone_and_no_other_file_is_written_over()
    {
        await using var server = await FakeServer.StartAsync();
        Answer(server);
        var path = server.File("report.txt");

        var run = await CommandRun.OfAsync(server, "doctor", "--bundle", path);
        var again = await CommandRun.OfAsync(server, "doctor", "--bundle", path);

        Assert.Equal(0, run.ExitCode);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        Assert.Equal(1, again.ExitCode);
        Assert.Contains("exists", again.Error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_daemon_there_is_a_report_all_the_same()
    {
        var run = await new CommandRun().RunAsync("doctor", "--bundle", "-", "--socket", "/nonexistent/s");

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("udptunneld is not running", run.Output.ToString(), StringComparison.Ordinal);
        Assert.Contains("===== uname -a\nLinux ", run.Output.ToString(), StringComparison.Ordinal);
    }

    private static void Answer(FakeServer server)
    {
        server.Daemon.Has(Samples.Server());
        server.Daemon.Has(RelaySamples.Receiver());
        server.Daemon.GetDaemon = _ => Task.FromResult(new GetDaemonResponse { Version = "0.1.0", Pid = 1 });
        server.Daemon.Diagnose = _ =>
            Task.FromResult(
                new DiagnoseResponse
                {
                    Checks =
                    {
                        new Check
                        {
                            Id = "dns",
                            Result = CheckResult.Failure,
                            Message = "x.invalid does not resolve",
                        },
                    },
                }
            );
        server.Daemon.GetConfiguration = _ => Task.FromResult(new GetConfigurationResponse { Configuration = "{}" });
        server.Daemon.ListEvents = _ =>
            Task.FromResult(new ListEventsResponse { Events = { new Event { Message = "the peer moved" } } });
        server.Daemon.ListSenders = _ => Task.FromResult(new ListSendersResponse());
    }
}
