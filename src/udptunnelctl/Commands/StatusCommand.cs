using System.CommandLine;
using UdpTunnel.Cli.Output;
using UdpTunnel.V1;

namespace UdpTunnel.Cli.Commands;

/// <summary><c>status</c>: every tunnel on one screen.</summary>
internal sealed class StatusCommand : ControlCommand
{
    private readonly Argument<string?> _name = new("NAME")
    {
        Description = "Only this tunnel",
        Arity = ArgumentArity.ZeroOrOne,
    };

    /// <summary>Declares the command.</summary>
    public StatusCommand(CommandHost host, GlobalOptions global)
        : base(host, global, "status", "Show each tunnel: state, peer, age of the last packet, rates, drops.") =>
        Add(_name);

    /// <inheritdoc/>
    public override IReadOnlyList<string> Examples { get; } = ["udptunnelctl status", "udptunnelctl status home --json"];

    /// <inheritdoc/>
    protected override async Task RunAsync(Invocation invocation, CancellationToken cancellation)
    {
        var request = new ListTunnelsRequest();
        if (invocation.Get(_name) is { } name)
        {
            request.Names.Add(name);
            invocation.Names = [name];
        }

        var daemon = await invocation.ConnectAsync(cancellation).ConfigureAwait(false);
        var answer = await daemon.Tunnels.ListTunnelsAsync(
            request, Invocation.Within(Invocation.LookTimeout, cancellation)).ResponseAsync.ConfigureAwait(false);
        var now = invocation.Host.Time.GetUtcNow();
        if (invocation.Json)
        {
            invocation.PrintJson(writer =>
            {
                writer.WriteTime("time", now);
                TunnelJson.WriteAll(writer, "tunnels", answer.Tunnels);
            });
            return;
        }

        var screen = invocation.NewScreen();
        StatusView.Render(screen, answer.Tunnels, now);
        invocation.Print(screen);
    }
}
