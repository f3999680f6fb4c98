using System.Text;
using Microsoft.Win32.SafeHandles;
using UdpTunnel.Config;
using UdpTunnel.Events;

namespace UdpTunnel.State;

/// <summary>
/// The state directory: what runs, so that it runs again after a restart.
/// <code>
///  tunnels/NAME.json      the configuration, in the format of a configuration file
///  sessions/NAME          peer and flows (SessionText); lost without harm
/// </code>
/// Files are written beside their place, flushed to the disk and renamed, so that a crash leaves the old or the new one. Only the daemon's user can
/// read them: they hold PacketMagic.
/// </summary>
internal sealed class StateStore
{
    private const UnixFileMode DirectoryMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly string _tunnels;
    private readonly string _sessions;
    private readonly EventLog _events;

    /// <param name="directory">Made if it is not there.</param>
    /// <param name="events">Where damage is told.</param>
    /// <exception cref="IOException">The directory cannot be made.</exception>
    public StateStore(string directory, EventLog events)
    {
        _tunnels = Path.Combine(directory, "tunnels");
        _sessions = Path.Combine(directory, "sessions");
        _events = events;
        Directory.CreateDirectory(_tunnels, DirectoryMode);
        Directory.CreateDirectory(_sessions, DirectoryMode);
    }

    /// <summary>Stores a tunnel.</summary>
    /// <exception cref="IOException">The disk is full, or the directory cannot be written; what was stored before is as it was.</exception>
    public void Save(TunnelConfig config) => Write(_tunnels, config.Name + ".json", config.ToJson(), durable: true);

    /// <summary>Forgets a tunnel.</summary>
    /// <exception cref="IOException">The directory cannot be written.</exception>
    public void Forget(string name)
    {
        File.Delete(Path.Combine(_tunnels, name + ".json"));
        File.Delete(Path.Combine(_sessions, name));
    }

    /// <summary>All stored tunnels. A file that cannot be read is set aside as NAME.json.damaged, and the others are loaded.</summary>
    public IReadOnlyList<TunnelConfig> Load()
    {
        var result = new List<TunnelConfig>();
        foreach (var path in Directory.EnumerateFiles(_tunnels).Order(StringComparer.Ordinal))
        {
            if (path.EndsWith(".json", StringComparison.Ordinal))
            {
                if (Read(path) is { } config)
                {
                    result.Add(config);
                }
            }
            else if (path.EndsWith(".new", StringComparison.Ordinal))
            {
                // A crash came between write and rename.
                File.Delete(path);
            }
        }

        return result;
    }

    /// <summary>Stores what a running tunnel knows. Not flushed: it is worth nothing after a power failure.</summary>
    public void SaveSession(string name, Session session)
    {
        try
        {
            Write(_sessions, name, SessionText.Write(session), durable: false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The tunnel runs as well without; heartbeats and retransmissions take its place after a restart.
        }
    }

    /// <summary>What a tunnel knew when it last ran, or null.</summary>
    public Session? LoadSession(string name)
    {
        try
        {
            return SessionText.Read(File.ReadAllText(Path.Combine(_sessions, name)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static void Write(string directory, string name, string text, bool durable)
    {
        var path = Path.Combine(directory, name);
        var options = new FileStreamOptions { Mode = System.IO.FileMode.Create, Access = FileAccess.Write, UnixCreateMode = OwnerOnly };
        using (var file = new FileStream(path + ".new", options))
        {
            file.Write(Encoding.UTF8.GetBytes(text));
            file.Flush(flushToDisk: durable);
        }

        File.Move(path + ".new", path, overwrite: true);
        if (durable)
        {
            FlushDirectory(directory);
        }
    }

    /// <summary>The rename itself is on the disk only when the directory is.</summary>
    private static void FlushDirectory(string directory)
    {
        using SafeFileHandle handle = Linux.DirectoryHandle.Open(directory);
        RandomAccess.FlushToDisk(handle);
    }

    private TunnelConfig? Read(string path)
    {
        string problem;
        try
        {
            var name = Path.GetFileNameWithoutExtension(path);
            var result = ConfigFile.Parse(File.ReadAllBytes(path), name);
            if (result.Configuration is TunnelConfig config && config.Name == name)
            {
                return config;
            }

            problem = result.Diagnostics.FirstOrDefault(d => d.Severity == DiagnosticSeverity.Error)?.Message ?? "it is not that tunnel's";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            problem = e.Message;
        }

        SetAside(path, problem);
        return null;
    }

    private void SetAside(string path, string problem)
    {
        var aside = path + ".damaged";
        try
        {
            File.Move(path, aside, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            aside = path;
        }

        _events.Add(EventKind.StateDamaged, EventLevel.Error, "", $"state file {path} is damaged ({problem}); it is kept as {aside}");
    }
}
