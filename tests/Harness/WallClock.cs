// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Harness;

/// <summary>A wall clock of its own for one daemon (libfaketime); the monotonic clock is the machine's.</summary>
internal sealed class WallClock : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly string _library;

    public WallClock()
    {
        var library = Directory
            .EnumerateDirectories("/usr/lib")
            .Select(d => Path.Combine(d, "faketime", "libfaketime.so.1"))
            .FirstOrDefault(File.Exists);
        if (library is null)
        {
            _directory.Dispose();
            Assert.Skip("needs libfaketime (Debian package libfaketime)");
        }

        _library = library;
        Set("+0");
    }

    /// <summary>A command that runs the words behind it with this clock.</summary>
    public string[] Launcher =>
        [
            "env",
            $"LD_PRELOAD={_library}",
            $"FAKETIME_TIMESTAMP_FILE={Offset}",
            "FAKETIME_NO_CACHE=1",
            "FAKETIME_DONT_FAKE_MONOTONIC=1",
            "NO_FAKE_STAT=1",
        ];

    private string Offset => _directory["offset"];

    /// <summary>Sets it, at once.</summary>
    /// <param name="offset">From the machine's, for example <c>+1h</c> or <c>-3650d</c>.</param>
    public void Set(string offset) => File.WriteAllText(Offset, offset);

    /// <inheritdoc/>
    public void Dispose() => _directory.Dispose();
}
