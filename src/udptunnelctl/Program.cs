using UdpTunnel.Cli;
using UdpTunnel.Cli.Commands;

return await CommandLine.RunAsync(args, ProcessHost.Create());
