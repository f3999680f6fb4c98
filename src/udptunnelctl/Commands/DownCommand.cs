using System.CommandLine;
using UdpTunnel.Cli.Output;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>down</c>: stops a tunnel and forgets it.</summary>
internal sealed class DownCommand : ControlCommand
{
    private readonly Argument<string> _name = new("NAME") { Description = "Name of the tunnel" };

    /// <summary>Declares the command.</summary>
    public DownCommand(CommandHost host, GlobalOptions global)
        : base(host, global, "down", "Stop a tunnel and forget it. Its device, socket and firewall table are gone when it returns.") =>
        Add(_name);

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples { get; } = ["udptunnelctl down home"];

    /// <inheritdoc/>
    protected override async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var name = invocation.Get(_name)!;
        invocation.Names = [name];
        var daemon = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        var answer = await daemon.Tunnels.StopTunnelAsync(
            new StopTunnelRequest { Name = name }, Invocation.Within(Invocation.ChangeTimeout, cancellation))
            .ResponseAsync.ConfigureAwait(false);
        var tunnel = answer.Tunnel ?? new Tunnel { Name = name };
        if (invocation.Json)
        {
            invocation.PrintJson(writer => TunnelJson.Write(writer, "tunnel", tunnel));
            return;
        }

        var counters = tunnel.Counters ?? new Counters();
        var screen = invocation.NewScreen();
        screen.Text(TerminalText.Fit(tunnel.Name, 64), Style.Strong).Line(" is down");
        screen.Field("carried", $"out {Quantity.Bytes(counters.BytesOut)}, in {Quantity.Bytes(counters.BytesIn)}");
        if (Moment.Of(tunnel.Started) is { } started)
        {
            screen.Field("for", TimeInWords.Length(invocation.Host.Time.GetUtcNow() - started));
        }

        invocation.Print(screen);
    }
}
