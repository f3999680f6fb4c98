// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel;
using UdpTunnel.CommandLine;
using UdpTunnel.Hosting;

const int WrongUsage = 2;

var reader = new CommandLineReader(Command.Of<RunCommand>("udptunneld"));
var request = reader.Read(args);
if (request.IsSet(CommandLineReader.Help))
{
    var screen = new Screen(colour: false);
    HelpPage.Render(screen, request.Path, request.Node, reader.OptionsOf(request.Node));
    Console.Out.Write(screen.ToString());
    return 0;
}

if (request.IsSet(CommandLineReader.Version))
{
    Console.Out.WriteLine(DaemonOptions.Version);
    return 0;
}

if (request.Mistake is { } mistake)
{
    Console.Error.WriteLine($"udptunneld: {TerminalText.Escape(mistake.Message)}\n{mistake.Advice}");
    return WrongUsage;
}

return await request.RunAsync(DateTimeOffset.UtcNow);
