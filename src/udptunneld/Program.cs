using System.CommandLine;
using UdpTunnel;
using UdpTunnel.Hosting;

var socket = new Option<string>("--socket") { Description = "Path of the control socket", DefaultValueFactory = _ => new DaemonOptions().Socket };
var state = new Option<string>("--state-dir") { Description = "Directory for what runs", DefaultValueFactory = _ => new DaemonOptions().StateDirectory };
var config = new Option<string>("--config-dir")
{
    Description = "Directory whose tunnels.d/*.json start with the daemon",
    DefaultValueFactory = _ => new DaemonOptions().ConfigDirectory,
};
var look = new Option<string?>("--look-group") { Description = "Group whose members may look at everything and change nothing", HelpName = "GROUP" };
var metrics = new Option<string?>("--metrics")
{
    Description = "Serve Prometheus metrics here: a loopback address such as 127.0.0.1:9586, or unix:/PATH",
    HelpName = "ADDRESS",
};
var root = new RootCommand("UDP tunnel daemon. It runs in the foreground and logs to standard error; udptunnelctl drives it.")
{
    socket,
    state,
    config,
    look,
    metrics,
};
root.SetAction((arguments, cancellation) => Daemon.RunAsync(new DaemonOptions
{
    Socket = arguments.GetRequiredValue(socket),
    StateDirectory = arguments.GetRequiredValue(state),
    ConfigDirectory = arguments.GetRequiredValue(config),
    CredentialsDirectory = Environment.GetEnvironmentVariable("CREDENTIALS_DIRECTORY"),
    LookGroup = arguments.GetValue(look),
    Metrics = arguments.GetValue(metrics),
    Started = DateTimeOffset.UtcNow,
}));
return await root.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
