// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Doctor;

namespace UdpTunnel.Tests.Doctor;

public sealed class KernelCheckTests
{
    [Theory]
    [InlineData("6.12.48+deb13-amd64", false, CheckResult.Ok, "nothing is known")]
    [InlineData("6.1.102", false, CheckResult.Ok, "nothing is known")]
    [InlineData("6.1.103-rt", false, CheckResult.Warning, "last segment is shorter")]
    [InlineData("6.1.110", false, CheckResult.Warning, "last segment is shorter")]
    [InlineData("6.1.111", false, CheckResult.Ok, "nothing is known")]
    [InlineData("6.6.44", false, CheckResult.Warning, "last segment is shorter")]
    [InlineData("6.8.5", false, CheckResult.Ok, "nothing is known")]
    [InlineData("6.8.4-generic", false, CheckResult.Warning, "VXLAN")]
    [InlineData("7.0.2-6-pve", false, CheckResult.Warning, "wrong UDP headers")]
    [InlineData("7.1.4", false, CheckResult.Warning, "wrong UDP headers")]
    [InlineData("7.1.5", false, CheckResult.Ok, "nothing is known")]
    [InlineData("6.17.0-41-generic", true, CheckResult.Warning, "virtio_net")]
    [InlineData("6.17.0-41-generic", false, CheckResult.Ok, "nothing is known")]
    [InlineData("5.10.0", false, CheckResult.Warning, "UDP_GRO")]
    [InlineData("4.19", false, CheckResult.Warning, "no UDP_GRO")]
    [InlineData("WSL", false, CheckResult.Skipped, "no version")]
    [InlineData("", false, CheckResult.Skipped, "no version")]
    internal void What_is_known_of_a_kernel_is_told(
        string release,
        bool hasVirtioCard,
        CheckResult result,
        string text
    ) =>
        Assert.Contains(KernelCheck.Of(release, hasVirtioCard), f =>
            f.Result == result && f.Message.Contains(text, StringComparison.Ordinal)
        );

    [Fact]
    public void Ranges_are_ranges() => Assert.All(KernelQuirk.All, q => Assert.True(q.From < q.Below));
}
