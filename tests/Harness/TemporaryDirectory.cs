// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Harness;

/// <summary>A directory that goes with the test.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    private readonly DirectoryInfo _directory;

    /// <summary>Makes one where such directories are.</summary>
    public TemporaryDirectory()
        : this(Directory.CreateTempSubdirectory("udptunnel-netns-")) { }

    /// <summary>Makes one of a given path.</summary>
    public TemporaryDirectory(string path)
        : this(Directory.CreateDirectory(path)) { }

    private TemporaryDirectory(DirectoryInfo directory)
    {
        _directory = directory;
        AtExit.Add(this, () => _directory.Delete(recursive: true));
    }

    /// <summary>Path of a file in it, which need not exist.</summary>
    public string this[string name] => Path.Combine(_directory.FullName, name);

    /// <summary>Lets everybody look into it.</summary>
    public void LetEverybodyIn() =>
        _directory.UnixFileMode |=
            UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    /// <inheritdoc/>
    public void Dispose() => AtExit.Undo(this);
}
