// SPDX-License-Identifier: BSD-3-Clause

using System.Text.Json;

namespace UdpTunnel.Tests.Harness;

/// <summary>One event of a daemon.</summary>
internal sealed record Happening(string Kind, string Level, string? Tunnel, string Message, DateTimeOffset Time)
{
    /// <summary>Reads one as the command writes it.</summary>
    public static Happening Read(JsonElement json) =>
        new(
            json.GetProperty("kind").GetString()!,
            json.GetProperty("level").GetString()!,
            json.GetProperty("tunnel").GetString(),
            json.GetProperty("message").GetString()!,
            json.GetProperty("time").GetDateTimeOffset()
        );
}
