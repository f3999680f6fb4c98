// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Fuzz.Driver;
using Xunit.MicrosoftTestingPlatform;
using Xunit.Runner.InProc.SystemConsole;

if (FuzzCommand.Run(args) is { } exitCode)
{
    return exitCode;
}

// From here on as xunit.v3's own Main, which `dotnet test` relies on.
return args.Any(argument => argument is "--server" or "--internal-msbuild-node")
    ? await TestPlatformTestFramework.RunAsync(
        args,
        UdpTunnel.Tests.Fuzz.SelfRegisteredExtensions.AddSelfRegisteredExtensions
    )
    : await ConsoleRunner.Run(args);
