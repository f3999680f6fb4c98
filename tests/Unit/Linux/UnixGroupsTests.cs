// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Linux;

namespace UdpTunnel.Tests.Unit.Linux;

/// <summary>Which groups there are in a user namespace.</summary>
public sealed class UnixGroupsTests
{
    private const string Everything = "         0          0 4294967295\n";
    private const string OneGroup = "         0       1000          1\n";
    private const string Two = "         0       1000          1\n         1     100000      65536\n";

    [Theory]
    [InlineData(0, Everything, true)]
    [InlineData(997, Everything, true)]
    [InlineData(4294967294, Everything, true)]
    [InlineData(0, OneGroup, true)]
    [InlineData(1, OneGroup, false)]
    [InlineData(997, OneGroup, false)]
    [InlineData(997, Two, true)]
    [InlineData(65536, Two, true)]
    [InlineData(65537, Two, false)]
    public void A_number_is_there_if_the_map_has_it(uint id, string map, bool there) =>
        Assert.Equal(there, UnixGroups.IsMapped(id, map));

    [Fact]
    public void Without_a_map_every_number_is_there() => Assert.True(UnixGroups.IsMapped(997, ""));
}
