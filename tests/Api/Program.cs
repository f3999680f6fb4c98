// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Tests.Api.Roles;
using Xunit.MicrosoftTestingPlatform;
using Xunit.Runner.InProc.SystemConsole;

// The role tests need callers that are other users: this program, started again under another identity.
if (args is [CallerProgram.Argument, var socket])
{
    return await CallerProgram.RunAsync(socket);
}

// From here on as xunit.v3's own Main, which `dotnet test` relies on.
return args.Any(argument => argument is "--server" or "--internal-msbuild-node")
    ? await TestPlatformTestFramework.RunAsync(
        args,
        UdpTunnel.Tests.Api.SelfRegisteredExtensions.AddSelfRegisteredExtensions
    )
    : await ConsoleRunner.Run(args);
