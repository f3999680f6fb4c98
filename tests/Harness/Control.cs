// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Harness;

/// <summary>Runs <c>udptunnelctl</c> against one daemon.</summary>
internal sealed class Control(string socketPath)
{
    /// <summary>Runs a command with <c>--json</c>, whatever it ends with.</summary>
    public async Task<ControlResult> TryAsync(params string[] arguments) =>
        new(await Command.RunAsync(Line(arguments)));

    /// <summary>Runs a command that may not even get an answer.</summary>
    public Task<CommandResult> TryRawAsync(params string[] arguments) => Command.RunAsync(Line(arguments));

    /// <summary>The same, as another user or with less privilege.</summary>
    /// <param name="launcher">A command that runs the words behind it.</param>
    /// <param name="arguments">The command's.</param>
    public async Task<ControlResult> TryAsAsync(string[] launcher, params string[] arguments) =>
        new(await Command.RunAsync([.. launcher, .. Line(arguments)]));

    /// <summary>Runs a command that must succeed.</summary>
    public async Task<ControlResult> RunAsync(params string[] arguments)
    {
        var result = await TryAsync(arguments);
        Assert.True(result.ExitCode == 0, result.ToString());
        return result;
    }

    /// <summary>How a tunnel is.</summary>
    public async Task<TunnelStatus> StatusAsync(string tunnel) =>
        new((await RunAsync("status", tunnel)).Json.GetProperty("tunnels")[0]);

    /// <summary>Names of all tunnels.</summary>
    public async Task<string[]> TunnelsAsync() =>
        [
            .. (await RunAsync("status"))
                .Json.GetProperty("tunnels")
                .EnumerateArray()
                .Select(t => t.GetProperty("name").GetString()!),
        ];

    /// <summary>What happened until now, oldest first.</summary>
    public async Task<IReadOnlyList<Happening>> EventsAsync() =>
        [.. (await RunAsync("events")).Json.GetProperty("events").EnumerateArray().Select(Happening.Read)];

    /// <summary>Waits until a tunnel is as it should be.</summary>
    public Task<TunnelStatus> WaitForAsync(
        string tunnel,
        Func<TunnelStatus, bool> isRight,
        string what,
        TimeSpan? deadline = null
    ) => WaitFor.AnswerAsync(() => StatusAsync(tunnel), isRight, what, deadline);

    /// <summary>Waits until something has happened.</summary>
    /// <param name="kind">As the command names it, for example <c>peer_moved</c>.</param>
    /// <param name="deadline">How long at the most.</param>
    /// <returns>The last of that kind.</returns>
    public async Task<Happening> WaitForEventAsync(string kind, TimeSpan? deadline = null)
    {
        var all = await WaitFor.AnswerAsync(
            async () => new Happenings(await EventsAsync()),
            all => all.Any(kind),
            $"an event {kind}",
            deadline
        );
        return all.Last(kind);
    }

    /// <summary>The words of a command without <c>--json</c>, for what runs beside the test.</summary>
    public string[] Words(params string[] arguments) => [Programs.Control, .. arguments, "--socket", socketPath];

    private string[] Line(string[] arguments) => [Programs.Control, .. arguments, "--json", "--socket", socketPath];
}
