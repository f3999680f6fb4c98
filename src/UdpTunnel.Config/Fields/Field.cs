// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Config.Fields;

/// <summary>A field of the format.</summary>
/// <param name="Name">Its name, as documented.</param>
/// <param name="Kinds">Objects in which it may stand.</param>
/// <param name="Required">Text for a message that it is missing where it must be given; null if it need not.</param>
/// <param name="IsSecret">Whether its value must not be shown.</param>
internal sealed record Field(string Name, FileKinds Kinds, string? Required = null, bool IsSecret = false)
{
    /// <summary>The same in a tunnel file of <see cref="TunnelProtocol.WireGuard"/>.</summary>
    public string? RequiredByWireGuard { get; init; } = Required;

    /// <summary>What a tunnel of <see cref="TunnelProtocol.WireGuard"/> has in its place; null if nothing.</summary>
    public string? WireGuardHas { get; init; }

    /// <summary>The text for one kind of object; null if it need not be given there.</summary>
    public string? RequiredIn(FileKinds kind) =>
        kind switch
        {
            FileKinds.WireGuard => RequiredByWireGuard,
            // A field of a file that an item of Peers may have too: there it only replaces the file's.
            FileKinds.Peer when Kinds != FileKinds.Peer => null,
            _ => Required,
        };
}
