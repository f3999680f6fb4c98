// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Access;
using UdpTunnel.Linux;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Access;

public sealed class AccessPolicyTests
{
    private const uint DaemonUser = 900;
    private static readonly UnixGroup Operators = new("udptunnel", 901);
    private static readonly UnixGroup Onlookers = new("udptunnel-look", 902);
    private static readonly AccessPolicy Both = new(DaemonUser, Operators, Onlookers);

    [Theory]
    [InlineData(0, 1000, new uint[] { }, Role.Operate)]
    [InlineData(DaemonUser, 1000, new uint[] { }, Role.Operate)]
    [InlineData(1000, 901, new uint[] { }, Role.Operate)]
    [InlineData(1000, 1000, new uint[] { 5, 901 }, Role.Operate)]
    [InlineData(1000, 902, new uint[] { }, Role.Look)]
    [InlineData(1000, 1000, new uint[] { 902 }, Role.Look)]
    [InlineData(1000, 902, new uint[] { 901 }, Role.Operate)]
    [InlineData(1000, 1000, new uint[] { 5, 6 }, Role.Connect)]
    [InlineData(1000, 0, new uint[] { 0 }, Role.Connect)]
    [InlineData(1000, DaemonUser, new uint[] { DaemonUser }, Role.Connect)]
    [InlineData(901, 1000, new uint[] { }, Role.Connect)]
    [InlineData(uint.MaxValue, uint.MaxValue, new uint[] { uint.MaxValue }, Role.Connect)]
    internal void A_role_follows_from_user_and_groups(uint user, uint group, uint[] supplementary, Role role)
    {
        var (actual, reason) = Both.RoleOf(new Caller(user, group, 4711, supplementary));

        Assert.Equal(role, actual);
        Assert.NotEmpty(reason);
    }

    [Fact]
    public void Groups_that_do_not_exist_have_no_members()
    {
        var policy = new AccessPolicy(DaemonUser, operateGroup: null, lookGroup: null);

        Assert.Equal(Role.Connect, policy.RoleOf(new Caller(1000, 901, 1, [901, 902])).Role);
        Assert.Equal(Role.Operate, policy.RoleOf(new Caller(0, 0, 1, [])).Role);
        Assert.Contains(
            "udptunnel (which does not exist)",
            policy.RoleOf(new Caller(1000, 901, 1, [])).Reason,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void What_is_needed_names_the_groups_that_have_it()
    {
        Assert.Equal("root or group udptunnel", Both.Needed(Role.Operate));
        Assert.Equal("root or group udptunnel or udptunnel-look", Both.Needed(Role.Look));
        Assert.Equal("root or group udptunnel", new AccessPolicy(0, Operators, null).Needed(Role.Look));
        Assert.Equal("root or group udptunnel-look", new AccessPolicy(0, null, Onlookers).Needed(Role.Look));
        Assert.Equal("nobody may call this", Both.Needed(Role.Unspecified));
    }
}
