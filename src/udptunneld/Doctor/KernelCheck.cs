// SPDX-License-Identifier: BSD-3-Clause

using System.Text.RegularExpressions;
using UdpTunnel.Linux;

namespace UdpTunnel.Doctor;

/// <summary>Whether something is known to be wrong with this kernel.</summary>
internal sealed partial class KernelCheck : ICheck
{
    private const string Remedy =
        "\"Offload\": \"off\" in the configuration, if it is slow or loses packets; or another kernel";

    /// <inheritdoc/>
    public string Id => "kernel";

    /// <inheritdoc/>
    public IEnumerable<Finding> Run(Patient patient)
    {
        var release = Kernel.Release;
        return Of(release, HasVirtioCard());
    }

    /// <summary>What is known of a release. Pure.</summary>
    internal static IEnumerable<Finding> Of(string release, bool hasVirtioCard)
    {
        const string Id = "kernel";
        if (Number().Match(release) is not { Success: true } match)
        {
            return [new Finding(Id, CheckResult.Skipped, $"{release} is no version that could be looked up")];
        }

        var version = new Version(Part(match, 1), Part(match, 2), Part(match, 3));
        var found = KernelQuirk.All.Where(q => q.Holds(version)).Select(q => q.Message).ToList();

        // tailscale#21335: 2.2 Mbit/s with, 400 to 460 without UDP_SEGMENT; maybe the fault of the kernel around the
        // guest.
        if (hasVirtioCard && version >= new Version(6, 17) && version < new Version(7, 0))
        {
            found.Add("is slow in some virtual machines that send runs of datagrams through virtio_net");
        }

        return found.Count == 0
            ? [new Finding(Id, CheckResult.Ok, $"nothing is known against Linux {release}")]
            : found.Select(m => new Finding(Id, CheckResult.Warning, $"Linux {release} {m}", Remedy));
    }

    private static int Part(Match match, int group) =>
        match.Groups[group].Success
            ? int.Parse(match.Groups[group].ValueSpan, System.Globalization.CultureInfo.InvariantCulture)
            : 0;

    private static bool HasVirtioCard()
    {
        const string Cards = "/sys/class/net";
        return Directory.Exists(Cards)
            && Directory
                .EnumerateDirectories(Cards)
                .Any(card =>
                    new FileInfo(Path.Combine(card, "device", "driver")).LinkTarget?.EndsWith(
                        "/virtio_net",
                        StringComparison.Ordinal
                    ) == true
                );
    }

    [GeneratedRegex(@"^(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?")]
    private static partial Regex Number();
}
