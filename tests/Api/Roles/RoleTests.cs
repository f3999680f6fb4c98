// SPDX-License-Identifier: BSD-3-Clause

using Google.Protobuf.Reflection;
using UdpTunnel.Tests.Api.Daemon;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Api.Roles;

/// <summary>
/// Every method of every service, called by every kind of caller over a socket that lets everybody in: what holds them
/// back is the daemon's own check of what the kernel says about them.
/// </summary>
public sealed class RoleTests(OpenDaemonFixture fixture) : IClassFixture<OpenDaemonFixture>
{
    private const uint Operators = OpenDaemonFixture.Operators;
    private const uint Onlookers = 47_111;
    private const uint SomeUser = 47_001;
    private const uint SomeGroup = 47_002;

    [Fact]
    public void Every_method_says_which_role_it_needs()
    {
        Assert.Superset(
            new HashSet<string>(["DaemonService", "EventService", "TunnelService", "Health", "ServerReflection"]),
            ServiceDescriptors.All.Select(s => s.Name).ToHashSet()
        );
        Assert.All(ServiceDescriptors.All.SelectMany(s => s.Methods), m =>
            Assert.NotEqual(Role.Unspecified, RequiredRole(m))
        );
    }

    [Fact]
    public Task Root_may_call_everything() => MayAsync(new Caller(0, 0), Role.Operate);

    [Fact]
    public Task A_user_whose_group_is_udptunnel_may_call_everything() =>
        MayAsync(new Caller(SomeUser, Operators), Role.Operate);

    [Fact]
    public Task A_user_who_is_also_in_udptunnel_may_call_everything() =>
        MayAsync(new Caller(SomeUser, SomeGroup, 1, 2, Operators), Role.Operate);

    /// <remarks>More groups than fit into one small buffer.</remarks>
    [Fact]
    public Task A_user_of_two_thousand_groups_may_call_everything_if_the_last_is_udptunnel() =>
        MayAsync(
            new Caller(SomeUser, SomeGroup, [.. Enumerable.Range(100_000, 2000).Select(g => (uint)g), Operators]),
            Role.Operate
        );

    [Fact]
    public Task Another_user_may_only_ask_who_he_is() => MayAsync(new Caller(SomeUser, SomeGroup, 1, 2), Role.Connect);

    /// <remarks>Group 0 is root's, yet it gives nothing: only the user counts.</remarks>
    [Fact]
    public Task A_user_of_root_s_group_may_only_ask_who_he_is() => MayAsync(new Caller(SomeUser, 0, 0), Role.Connect);

    [Fact]
    public async Task Without_a_group_udptunnel_a_user_may_only_ask_who_he_is()
    {
        Requirements.Root();
        await using var daemon = await DaemonProcess.StartAsync();
        OpenDaemonFixture.LetEverybodyIn(daemon);

        await MayAsync(daemon, new Caller(SomeUser, Operators), Role.Connect);
    }

    [Fact]
    public async Task Through_the_socket_as_it_is_another_user_does_not_even_connect()
    {
        Requirements.Root();
        await using var daemon = await DaemonProcess.StartAsync(new DaemonSetup { OperateGroup = Operators });
        File.SetUnixFileMode(daemon.Directory, OpenDaemonFixture.EverybodyMayEnter);

        var stranger = await new Caller(SomeUser, SomeGroup).CallEverythingAsync(daemon.SocketPath);
        var member = await new Caller(SomeUser, SomeGroup, Operators).CallEverythingAsync(daemon.SocketPath);

        Assert.All(stranger.Outcomes.Values, o => Assert.Equal(new CallerProgram.Outcome("Unavailable", ""), o));
        Assert.Equal("Unavailable", stranger.Role);
        Assert.Equal("Operate", member.Role);
    }

    /// <remarks>Through the socket as it is: its access control list lets them in, its mode stays.</remarks>
    [Fact]
    public async Task Members_of_the_group_that_looks_may_look_and_change_nothing()
    {
        Requirements.Root();
        await using var daemon = await DaemonProcess.StartAsync(
            new DaemonSetup { OperateGroup = Operators, LookGroup = Onlookers }
        );
        File.SetUnixFileMode(daemon.Directory, OpenDaemonFixture.EverybodyMayEnter);

        await MayAsync(daemon, new Caller(SomeUser, Onlookers), Role.Look);
        await MayAsync(daemon, new Caller(SomeUser, SomeGroup, 1, Onlookers), Role.Look);
        await MayAsync(daemon, new Caller(SomeUser, Onlookers, Operators), Role.Operate);
        Assert.Equal(
            "Unavailable",
            (await new Caller(SomeUser, SomeGroup).CallEverythingAsync(daemon.SocketPath)).Role
        );
        Assert.Equal(
            $"0 {Operators} 660\n",
            (await ChildProcess.RunAsync("stat", "-c", "%u %g %a", daemon.SocketPath)).Output
        );
    }

    [Fact]
    public async Task The_daemon_s_own_user_may_call_everything()
    {
        Requirements.Root();
        await using var daemon = await DaemonProcess.StartAsync(new DaemonSetup { User = SomeUser });
        OpenDaemonFixture.LetEverybodyIn(daemon);

        await MayAsync(daemon, new Caller(SomeUser, SomeGroup), Role.Operate);
        await MayAsync(daemon, new Caller(0, 0), Role.Operate);
        await MayAsync(daemon, new Caller(SomeUser + 1, SomeGroup), Role.Connect);
    }

    private static Role RequiredRole(MethodDescriptor method) =>
        method.Service.File.Package.StartsWith("udptunnel.", StringComparison.Ordinal)
            ? method.GetOptions()?.GetExtension(AccessExtensions.RequiredRole) ?? Role.Unspecified
            : Role.Look;

    private Task MayAsync(Caller caller, Role role)
    {
        Requirements.Root();
        return MayAsync(fixture.Daemon, caller, role);
    }

    /// <summary>Asserts the outcome of each method for a caller with a role.</summary>
    private static async Task MayAsync(DaemonProcess daemon, Caller caller, Role role)
    {
        var report = await caller.CallEverythingAsync(daemon.SocketPath);

        Assert.Equal(role.ToString(), report.Role);
        var methods = ServiceDescriptors.All.SelectMany(s => s.Methods).ToList();
        Assert.Equal(methods.Select(m => m.FullName).Order(), report.Outcomes.Keys.Order());
        Assert.Equal(
            methods.Select(m => (m.FullName, Expected(m, role))),
            methods.Select(m => (m.FullName, report.Outcomes[m.FullName]))
        );
    }

    /// <summary>
    /// An empty request: looking at all needs no more, looking at one and changing lack a name or a configuration.
    /// </summary>
    private static CallerProgram.Outcome Expected(MethodDescriptor method, Role role)
    {
        if (role < RequiredRole(method))
        {
            return new CallerProgram.Outcome("PermissionDenied", "ROLE_REQUIRED");
        }

        // There is always a directory, which is empty, and always a host.
        if (method.Name is "ReloadDirectory" or "Diagnose")
        {
            return new CallerProgram.Outcome("OK", "");
        }

        var looksAtOne = method.InputType.FindFieldByName("name") is { IsRepeated: false };
        if (RequiredRole(method) != Role.Operate && !looksAtOne)
        {
            return new CallerProgram.Outcome("OK", "");
        }

        var start = method.Name.StartsWith("Start", StringComparison.Ordinal);
        return new CallerProgram.Outcome("InvalidArgument", start ? "INVALID_CONFIGURATION" : "INVALID_REQUEST");
    }
}
