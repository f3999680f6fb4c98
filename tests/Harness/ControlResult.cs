// SPDX-License-Identifier: BSD-3-Clause

using System.Text.Json;

namespace UdpTunnel.Tests.Harness;

/// <summary>How a run of <c>udptunnelctl</c> ended.</summary>
internal sealed class ControlResult(CommandResult result)
{
    /// <summary>The exit code.</summary>
    public int ExitCode => result.ExitCode;

    /// <summary>What a person reads when it fails.</summary>
    public string Error => result.Error;

    /// <summary>The object that it wrote.</summary>
    public JsonElement Json { get; } = Parse(result);

    /// <summary>The stable reason of a failure.</summary>
    public string? Reason => Json.GetProperty("error").GetProperty("reason").GetString();

    /// <inheritdoc/>
    public override string ToString() => result.ToString();

    private static JsonElement Parse(CommandResult result)
    {
        try
        {
            using var document = JsonDocument.Parse(result.Output);
            return document.RootElement.Clone();
        }
        catch (JsonException e)
        {
            throw new InvalidOperationException($"no JSON ({e.Message}): {result}");
        }
    }
}
