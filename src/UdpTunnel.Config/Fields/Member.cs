using UdpTunnel.Config.Json;

namespace UdpTunnel.Config.Fields;

/// <summary>A member of the file's object whose name is known.</summary>
/// <param name="Field">The field.</param>
/// <param name="Value">The value.</param>
/// <param name="ValueIndex">Index of the value among the nodes.</param>
internal readonly record struct Member(Field Field, JsonNode Value, int ValueIndex);
