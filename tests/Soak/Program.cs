// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using System.Runtime.InteropServices;
using UdpTunnel.Tests.Soak;

var minutes = args.Length > 0 ? double.Parse(args[0], CultureInfo.InvariantCulture) : 30;
var seed = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : Random.Shared.Next();

// Through Exit, as AtExit does for the other signals, so that nothing stays behind.
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
{
    context.Cancel = true;
    Environment.Exit(1);
});

// For the daemons, as the package's unit has it.
Environment.SetEnvironmentVariable("DOTNET_GCgen0size", "200000");
try
{
    return await new SoakRun(TimeSpan.FromMinutes(minutes), seed).RunAsync() ? 0 : 1;
}
#pragma warning disable CA1031 // One that nobody catches would end the program before it has cleaned up.
catch (Exception e)
#pragma warning restore CA1031
{
    Console.Error.WriteLine(e);
    return 1;
}
