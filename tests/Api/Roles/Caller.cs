// SPDX-License-Identifier: BSD-3-Clause

using System.Text.Json;
using UdpTunnel.Tests.Api.Daemon;

namespace UdpTunnel.Tests.Api.Roles;

/// <summary>A user and the groups that it is in.</summary>
internal sealed record Caller(uint User, uint Group, params IReadOnlyList<uint> Supplementary)
{
    /// <summary>Calls every method as this user, from a process of its own.</summary>
    public async Task<CallerProgram.Report> CallEverythingAsync(string socketPath)
    {
        var (exitCode, output, errors) = await ChildProcess.RunAsync([
            .. AnotherUser.Command(User, Group, Supplementary),
            Environment.ProcessPath!,
            CallerProgram.Argument,
            socketPath,
        ]);
        Assert.True(exitCode == 0, errors);
        return JsonSerializer.Deserialize<CallerProgram.Report>(output)!;
    }
}
