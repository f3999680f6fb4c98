// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;

namespace UdpTunnel.Hosting;

/// <summary>One tunnel or relay of the daemon; without an engine it could not be started.</summary>
/// <param name="Config">What it shall do.</param>
/// <param name="IsEphemeral">Whether it is forgotten when the daemon ends.</param>
internal sealed record HostEntry<TConfig, TEngine>(TConfig Config, bool IsEphemeral) : IHosted
    where TConfig : Configuration
    where TEngine : class
{
    /// <inheritdoc/>
    public string Name => Config.Name;

    /// <inheritdoc/>
    public string File { get; init; } = "";

    /// <summary>Whether it is kept in the state directory.</summary>
    public bool IsStored => !IsEphemeral && File.Length == 0;

    /// <summary>What to say behind a change that its file does not know of.</summary>
    public string FileNote =>
        File.Length > 0 ? $"; {File} does not say so and counts again at the next reload or start" : "";

    /// <summary>What runs.</summary>
    public TEngine? Engine { get; init; }

    /// <inheritdoc/>
    public bool IsRunning => Engine is not null;

    /// <inheritdoc/>
    public string Problem { get; init; } = "";

    /// <summary>When it was last tried to start, by the monotonic clock: somebody may set the other one back.</summary>
    public long Tried { get; init; }
}
