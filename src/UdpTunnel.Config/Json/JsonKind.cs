// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Config.Json;

/// <summary>Kinds of JSON values (RFC 8259, section 3).</summary>
internal enum JsonKind
{
    Object,
    Array,
    String,
    Number,
    True,
    False,
    Null,
}
