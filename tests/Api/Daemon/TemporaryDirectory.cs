// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Api.Daemon;

/// <summary>A directory of one test, removed with it.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    /// <summary>Its path: short, since that of a socket has at most 107 bytes.</summary>
    public string Path { get; } = Directory.CreateTempSubdirectory("udptunnel-api-").FullName;

    /// <summary>The path of something in it.</summary>
    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(Path, recursive: true);
}
