// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using Cocona;
using UdpTunnel.Cli.Completion;
using UdpTunnel.Cli.Failures;
using UdpTunnel.Cli.Linux;
using UdpTunnel.Cli.Output;
using UdpTunnel.Config;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands.Joining;

/// <summary><c>new</c>: writes the file of a new tunnel.</summary>
internal sealed class NewCommand(Invocation invocation)
{
    private const string ServerStands = "server.example.com";

    [Command(
        Description = "Write the file of a new secure tunnel, with private networks and a port that nobody uses, and say "
            + "how it goes on. The daemon makes the key."
    )]
    [Example("udptunnelctl new wg0 --ports 22,80,443 --up")]
    [Example("udptunnelctl new wg0 --ports all --output /etc/udptunnel/wg0.json")]
    [Example("udptunnelctl new old --classic --ports 22 --server vpn.example.com")]
    public async Task RunAsync(
        [Argument("NEWNAME", Description = "Name of the tunnel"), CompletedFrom(CompletionSource.Nothing)] string name,
        [Option(
            "ports",
            ValueName = "PORTS",
            Description = "TCP and UDP ports that may be reached through it: 22,8000-8010, or all. Asked for without it"
        )]
            string? ports,
        [Option("listen", ValueName = "PORT", Description = "Its UDP port. Default: 51820, or the next that is free")]
            long? listen,
        [Option(
            "output",
            ValueName = "FILE",
            Description = "File to write, which must not be there; default NEWNAME.json"
        )]
        [CompletedFrom(CompletionSource.Files)]
            string? output,
        [Option("up", Description = "Start it")] bool up,
        [Option(
            "classic",
            Description = "Both ends' files for the predecessor's protocol: NEWNAME-server.json, NEWNAME-client.json"
        )]
            bool classic,
        [Option("server", ValueName = "HOST", Description = "With --classic: where the client finds the server")]
            string? server
    )
    {
        if (!ConfigurationName.TryValidate(name, out var error))
        {
            throw UsageFailure.Usage($"NEWNAME: {error}", "See 'udptunnelctl new --help'.");
        }

        if (server is not null && !classic)
        {
            throw UsageFailure.Usage(
                "--server is for --classic",
                "A secure tunnel's peers learn where it is by 'invite'."
            );
        }

        var allowed = ReadPorts(ports ?? AskForPorts());
        var usual = classic ? NewTunnel.UsualClassicPort : NewTunnel.UsualPort;
        if (listen is < 1 or > ushort.MaxValue)
        {
            throw UsageFailure.Usage(
                $"--listen: {listen} is not a port (1 to 65535)",
                "See 'udptunnelctl new --help'."
            );
        }

        if (invocation.Place.Host is { } host)
        {
            throw UsageFailure.Usage(
                "new chooses networks and a port that nobody uses on the host where it runs",
                $"Run it there: log in at {host}."
            );
        }

        var port = (ushort?)listen ?? NewTunnel.FreePort(usual, HostNetworks.IsFree);

        var taken = HostNetworks.Read();
        if (classic)
        {
            WriteClassic(name, allowed, port, server, output, up, taken);
            return;
        }

        var config = NewTunnel.Secure(name, allowed, port, taken, Random.Shared)
            ?? throw new CommandException(ExitCode.Failed, "no_network", "this host uses all private networks already");
        var file = output ?? $"{name}.json";
        Write(file, config);
        Tunnel? started = null;
        if (up)
        {
            invocation.FileName = file;
            var daemon = await invocation.ConnectAsync().ConfigureAwait(false);
            var answer = await daemon
                .Tunnels.StartTunnelAsync(
                    new StartTunnelRequest { Configuration = config.ToJson(), Name = name },
                    invocation.ChangeCall
                )
                .ResponseAsync.ConfigureAwait(false);
            started = answer.Tunnel;
        }

        Show(config, file, started);
    }

    private void Show(TunnelConfig config, string file, Tunnel? started)
    {
        if (invocation.Json)
        {
            invocation.PrintJson(writer =>
            {
                writer.WriteStartArray("files");
                writer.WriteStringValue(file);
                writer.WriteEndArray();
                if (started is null)
                {
                    writer.WriteNull("tunnel");
                }
                else
                {
                    TunnelJson.Write(writer, "tunnel", started);
                }
            });
            return;
        }

        var screen = invocation.NewScreen();
        screen.Line($"{file} is written:");
        Lines(screen, config);
        if (started is not null)
        {
            screen.Line();
            StartView.Render(screen, started, [], file, invocation.Host.Time.GetUtcNow());
        }

        screen.Line();
        screen.Line(
            started is null
                ? $"Start it:        udptunnelctl up {file}"
                : $"Let somebody in: udptunnelctl invite {config.Name} --name laptop"
        );
        invocation.Print(screen);
    }

    private void WriteClassic(
        string name,
        PortSet ports,
        ushort port,
        string? server,
        string? output,
        bool up,
        IReadOnlyList<IpPrefix> taken
    )
    {
        if (output is not null || up)
        {
            throw UsageFailure.Usage(
                "--classic writes the files of two hosts, and starts neither",
                "Leave --output and --up away."
            );
        }

        if (!HostPort.TryParse($"{server ?? ServerStands}:{port}", out var address, out var error))
        {
            throw UsageFailure.Usage($"--server: {error}", "See 'udptunnelctl new --help'.");
        }

        var (here, there) = NewTunnel.Classic(name, ports, address, taken, Random.Shared)
            ?? throw new CommandException(ExitCode.Failed, "no_network", "this host uses all private networks already");
        string[] files = [$"{name}-server.json", $"{name}-client.json"];
        Write(files[0], here);
        Write(files[1], there);
        if (invocation.Json)
        {
            invocation.PrintJson(writer =>
            {
                writer.WriteStartArray("files");
                Array.ForEach(files, writer.WriteStringValue);
                writer.WriteEndArray();
                writer.WriteNull("tunnel");
            });
            return;
        }

        var screen = invocation.NewScreen();
        screen.Line($"{files[0]} and {files[1]} are written. Both have the same secret, PacketMagic.");
        if (server is null)
        {
            screen.Paragraph($"In {files[1]}, put the server's name or address in the place of {ServerStands}.");
        }

        screen.Line();
        screen.Line($"At the server:   udptunnelctl up {files[0]} --name {name}");
        screen.Line($"At the client:   udptunnelctl up {files[1]} --name {name}");
        invocation.Print(screen);
    }

    private static void Lines(Screen screen, TunnelConfig config)
    {
        foreach (var line in config.ToJson(showSecrets: false).TrimEnd().Split('\n'))
        {
            screen.Line($"  {line}");
        }
    }

    private string AskForPorts()
    {
        var host = invocation.Host;
        if (invocation.Json || !host.Terminal.InputIsTerminal || !host.Terminal.ErrorIsTerminal)
        {
            throw UsageFailure.Usage(
                "--ports is missing: the TCP and UDP ports that may be reached through the tunnel",
                "For example: udptunnelctl new wg0 --ports 22,80,443"
            );
        }

        host.Error.Write("Which TCP and UDP ports may be reached through the tunnel (22,80,443, or all)? ");
        using var input = new StreamReader(host.OpenInput());
        return input.ReadLine() ?? "";
    }

    private static PortSet ReadPorts(string text)
    {
        const string Example = "For example: udptunnelctl new wg0 --ports 22,8000-8010";
        if (text.Trim() == "all")
        {
            return PortSet.All;
        }

        var ranges = new List<Config.PortRange>();
        foreach (var word in text.Split((char[])[',', ' '], StringSplitOptions.RemoveEmptyEntries))
        {
            ranges.Add(
                Config.PortRange.TryParse(word, out var range, out var error)
                    ? range
                    : throw UsageFailure.Usage($"--ports: {error}", Example)
            );
        }

        return ranges.Count > 0
            ? PortSet.Create([.. ranges])
            : throw UsageFailure.Usage("--ports: no port is named", Example);
    }

    /// <summary>Writes a file that only its owner reads; never over another one.</summary>
    private static void Write(string path, TunnelConfig config)
    {
        try
        {
            var options = new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            };
            using var file = new FileStream(path, options);
            file.Write(Encoding.UTF8.GetBytes(config.ToJson()));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(
                ExitCode.Failed,
                "output",
                File.Exists(path)
                    ? $"{path} is there already"
                    : $"cannot write {path}: {(e is IOException io ? SystemError.Text(io) : e.Message)}"
            )
            {
                Advice = "--output names another file.",
            };
        }
    }
}
