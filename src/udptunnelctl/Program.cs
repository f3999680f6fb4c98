using UdpTunnel.Cli;
using UdpTunnel.Cli.Commands;

return await ControlProgram.RunAsync(args, ProcessHost.Create());
