// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using Microsoft.Win32.SafeHandles;
using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Linux;
using UdpTunnel.Relay;

namespace UdpTunnel.State;

/// <summary>
/// The state directory: what runs, so that it runs again after a restart.
/// <code>
///  tunnels/NAME.json      the configuration, in the format of a configuration file
///  relays/NAME.json       the same of a relay
///  sessions/NAME          peers and flows (SessionText); lost without harm
///  keys/NAME              the private key of a secure tunnel whose file has none, in base64
/// </code>
/// The keys of relays are in <see cref="RelayKeyStore"/>, peers that people have let in in <see cref="Admitted"/>. Files are written as <see cref="AtomicFile"/> says.
/// </summary>
internal sealed class StateStore : IDisposable
{
    // Far more than the configuration of a relay or tunnel takes, or a session with all the flows that a filter
    // remembers.
    private const int MaxSessionLength = 32 * 1024 * 1024;

    private const int MaxKeyLength = 4096;

    private readonly string _tunnels;
    private readonly string _relays;
    private readonly string _sessions;
    private readonly string _keys;
    private readonly EventLog _events;
    private SafeFileHandle? _lock;

    /// <param name="directory">Made if it is not there.</param>
    /// <param name="events">Where damage is told.</param>
    /// <exception cref="IOException">The directory cannot be made, or is not the daemon's alone.</exception>
    public StateStore(string directory, EventLog events)
    {
        if (directory.Length == 0)
        {
            throw new IOException("--state-dir: the name of a directory is missing");
        }

        _tunnels = Path.Combine(directory, "tunnels");
        _relays = Path.Combine(directory, "relays");
        _sessions = Path.Combine(directory, "sessions");
        _keys = Path.Combine(directory, "keys");
        _events = events;
        PrivateDirectory.Make(directory, mark: "tunnels");
        PrivateDirectory.Make(_tunnels);
        PrivateDirectory.Make(_relays);
        PrivateDirectory.Make(_sessions);
        PrivateDirectory.Make(_keys);
        Admitted = new AdmittedPeers(directory);
    }

    /// <summary>Peers that people have let in.</summary>
    public AdmittedPeers Admitted { get; }

    /// <summary>
    /// Keeps other daemons out, which would start the same tunnels and overwrite what this one stores. What is locked
    /// is a directory that nobody else may open, since whoever can open one can lock it.
    /// </summary>
    /// <exception cref="IOException">Another daemon uses it.</exception>
    public void Lock()
    {
        _lock = DirectoryHandle.Open(_tunnels);
        if (!DirectoryHandle.TryLock(_lock))
        {
            throw new IOException(
                $"another udptunneld uses the state directory {Path.GetDirectoryName(_tunnels)}: stop it, or use another --state-dir"
            );
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _lock?.Dispose();

    /// <summary>Stores a tunnel.</summary>
    /// <exception cref="IOException">
    /// The disk is full, or the directory cannot be written; what was stored before is as it was.
    /// </exception>
    public void Save(TunnelConfig config) => Save(_tunnels, config);

    /// <summary>Stores a relay.</summary>
    /// <exception cref="IOException">
    /// The disk is full, or the directory cannot be written; what was stored before is as it was.
    /// </exception>
    public void Save(RelayConfig config) => Save(_relays, config);

    /// <summary>Forgets the configuration of a tunnel; what it knew stays.</summary>
    /// <exception cref="IOException">The directory cannot be written.</exception>
    public void Forget(string name) => Forget(_tunnels, name);

    /// <summary>Forgets a relay.</summary>
    /// <exception cref="IOException">The directory cannot be written.</exception>
    public void ForgetRelay(string name) => Forget(_relays, name);

    /// <summary>
    /// All stored tunnels. A file that cannot be read is set aside as NAME.json.damaged, and the others are loaded.
    /// </summary>
    public IReadOnlyList<TunnelConfig> Load() => Load<TunnelConfig>(_tunnels);

    /// <summary>All stored relays, in the same way.</summary>
    public IReadOnlyList<RelayConfig> LoadRelays() => Load<RelayConfig>(_relays);

    /// <summary>Stores what a running tunnel knows. Not flushed: it is worth nothing after a power failure.</summary>
    public void SaveSession(string name, Session session)
    {
        try
        {
            AtomicFile.Write(_sessions, name, SessionText.Write(session), durable: false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The tunnel runs as well without; heartbeats and retransmissions take its place after a restart.
        }
    }

    /// <summary>Forgets what a tunnel knew.</summary>
    public void ForgetSession(string name) => TryDelete(Path.Combine(_sessions, name));

    /// <summary>Forgets what tunnels knew that are no more: ephemeral ones of a daemon before, for example.</summary>
    /// <param name="names">The tunnels that are.</param>
    public void ForgetSessionsExcept(IReadOnlySet<string> names)
    {
        foreach (var path in Directory.EnumerateFiles(_sessions))
        {
            if (!names.Contains(Path.GetFileName(path)))
            {
                TryDelete(path);
            }
        }
    }

    /// <summary>What a tunnel knew when it last ran, or null.</summary>
    public Session? LoadSession(string name)
    {
        try
        {
            return SessionText.Read(
                Encoding.UTF8.GetString(
                    RegularFile.Read(Path.Combine(_sessions, name), MaxSessionLength, followLink: false)
                )
            );
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>
    /// The private key of a secure tunnel, made at the first time. It stays when the tunnel is forgotten: its peers
    /// know a tunnel of that name by it.
    /// </summary>
    /// <param name="name">The tunnel.</param>
    /// <param name="make">Makes a key.</param>
    /// <exception cref="IOException">It cannot be read or stored.</exception>
    public SecretKey GetKey(string name, Func<SecretKey> make)
    {
        var path = Path.Combine(_keys, name);
        if (File.Exists(path))
        {
            var text = Encoding.UTF8.GetString(RegularFile.Read(path, MaxKeyLength, followLink: false)).Trim();
            return SecretKey.TryParse(text, out var stored, out var error)
                ? stored
                : throw new IOException(
                    $"{path} is not a private key ({error}): restore it, or remove it for a new key"
                );
        }

        var key = make();
        AtomicFile.Write(_keys, name, key.Reveal() + "\n", durable: true);
        return key;
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It does no harm where it is.
        }
    }

    private List<T> Load<T>(string directory)
        where T : Configuration
    {
        var result = new List<T>();
        foreach (var path in Directory.EnumerateFiles(directory).Order(StringComparer.Ordinal))
        {
            if (path.EndsWith(".json", StringComparison.Ordinal))
            {
                if (Read<T>(path) is { } config)
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

    private static void Save(string directory, Configuration config) =>
        AtomicFile.Write(directory, config.Name + ".json", config.ToJson(), durable: true);

    private static void Forget(string directory, string name)
    {
        File.Delete(Path.Combine(directory, name + ".json"));
        AtomicFile.FlushDirectory(directory);
    }

    private T? Read<T>(string path)
        where T : Configuration
    {
        string problem;
        try
        {
            var name = Path.GetFileNameWithoutExtension(path);
            var result = ConfigFile.Parse(RegularFile.Read(path, ConfigFile.MaxLength, followLink: false), name);
            if (result.Configuration is T config && config.Name == name)
            {
                return config;
            }

            problem = result.Diagnostics.FirstOrDefault(d => d.Severity == DiagnosticSeverity.Error) is { } mistake
                ? $"{mistake.Field} {mistake.Message}".TrimStart()
                : "it is another's";
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

        _events.Add(
            EventKind.StateDamaged,
            EventLevel.Error,
            "",
            $"state file {path} is damaged ({problem}); it is kept as {aside}",
            new EventFacts { File = path, Problem = problem }
        );
    }
}
