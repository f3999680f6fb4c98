// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Config.Json;

/// <summary>
/// One value of a scanned text. Nodes lie in the order of the text: the items of an array follow it, as do an object's
/// members, each as its name (a string) and its value.
/// </summary>
/// <param name="Kind">What it is.</param>
/// <param name="Start">Offset of its first byte.</param>
/// <param name="End">Offset behind its last byte.</param>
/// <param name="Next">Index of the first node that is not inside it.</param>
internal readonly record struct JsonNode(JsonKind Kind, int Start, int End, int Next);
