// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config.Json;

namespace UdpTunnel.Config.Fields;

/// <summary>A member of an object whose name is known.</summary>
/// <param name="Field">The field.</param>
/// <param name="Value">The value.</param>
/// <param name="ValueIndex">Index of the value among the nodes.</param>
/// <param name="Peer">
/// Index of the item of <c>Peers</c> that it belongs to; -1 for a member of the file's object.
/// </param>
internal readonly record struct Member(Field Field, JsonNode Value, int ValueIndex, int Peer = -1)
{
    /// <summary>What a message calls it, for example <c>Peers[0].PublicKey</c>.</summary>
    public string Path => Peer < 0 ? Field.Name : $"{KnownFields.Peers.Name}[{Peer}].{Field.Name}";
}
