// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.Linux;
using UdpTunnel.Relay.Approval;
using UdpTunnel.Relay.Link;
using UdpTunnel.State;

namespace UdpTunnel.Relay;

/// <summary>
/// The keys of relays in the state directory.
/// <code>
///  identity.pem           this daemon's private key (PKCS #8), made when first needed
///  senders/NAME           keys that were approved at receiver NAME, whether it runs or not:
///                         "SHA256:… SECONDS ADDRESS", one a line
///  known-receivers        keys of receivers that senders here have seen: "HOST:PORT SHA256:…", one a line
/// </code>
/// </summary>
internal sealed class RelayKeyStore
{
    private const string IdentityName = "identity.pem";
    private const string KnownName = "known-receivers";

    // 40,000 keys, and far more than a private key.
    private const int MaxLength = 4 * 1024 * 1024;

    private readonly string _directory;
    private readonly string _senders;
    private readonly EventLog _events;

    // Protects the identity and the file of known receivers, which relays share.
    private readonly Lock _gate = new();
    private Identity? _identity;

    /// <param name="directory">The state directory.</param>
    /// <param name="events">Where damage is told.</param>
    /// <exception cref="IOException">It cannot be made.</exception>
    public RelayKeyStore(string directory, EventLog events)
    {
        _directory = directory;
        _senders = Path.Combine(directory, "senders");
        _events = events;
        PrivateDirectory.Make(directory, mark: IdentityName);
        PrivateDirectory.Make(_senders);
    }

    /// <summary>This daemon's key.</summary>
    /// <exception cref="IOException">It cannot be read or stored.</exception>
    public Identity GetIdentity()
    {
        lock (_gate)
        {
            return _identity ??= new Identity(LoadKey() ?? MakeKey());
        }
    }

    /// <summary>The keys that were approved at a receiver.</summary>
    public IReadOnlyList<ApprovedSender> LoadSenders(string relay)
    {
        var result = new List<ApprovedSender>();
        foreach (var line in ReadLines(Path.Combine(_senders, relay)))
        {
            if (
                line.Split(' ') is [var key, var seconds, var address]
                && KeyFingerprint.TryParse(key, out var fingerprint, out _)
                && uint.TryParse(seconds, NumberStyles.None, CultureInfo.InvariantCulture, out var since)
            )
            {
                result.Add(new ApprovedSender(fingerprint, address, DateTimeOffset.FromUnixTimeSeconds(since)));
            }
        }

        return result.DistinctBy(s => s.Key).ToList();
    }

    /// <summary>Stores the keys that are approved at a receiver, and no others; none leave no file.</summary>
    /// <exception cref="IOException">The directory cannot be written.</exception>
    public void SaveSenders(string relay, IReadOnlyList<ApprovedSender> senders)
    {
        if (senders.Count == 0)
        {
            File.Delete(Path.Combine(_senders, relay));
            AtomicFile.FlushDirectory(_senders);
            return;
        }

        AtomicFile.Write(
            _senders,
            relay,
            string.Concat(
                senders.Select(s =>
                    string.Create(CultureInfo.InvariantCulture, $"{s.Key} {s.Since.ToUnixTimeSeconds()} {s.Address}\n")
                )
            ),
            durable: true
        );
    }

    /// <summary>The names for which keys are stored, whether such a receiver runs or not.</summary>
    /// <exception cref="IOException">The directory cannot be read.</exception>
    public IReadOnlyList<string> NamesWithSenders() =>
        [
            .. Directory
                .EnumerateFiles(_senders)
                .Select(p => Path.GetFileName(p))
                .Where(n => ConfigurationName.TryValidate(n, out _))
                .Order(StringComparer.Ordinal),
        ];

    /// <summary>
    /// Forgets the keys of receivers that are no more, those first that changed longest ago, until so many names are
    /// left.
    /// </summary>
    /// <param name="most">Names that may stay.</param>
    /// <param name="isThere">Whether a receiver is there.</param>
    /// <exception cref="IOException">The directory cannot be written.</exception>
    public void ForgetOldestSenders(int most, Predicate<string> isThere)
    {
        var gone = NamesWithSenders().Where(n => !isThere(n)).ToList();
        foreach (
            var name in gone.OrderBy(n => File.GetLastWriteTimeUtc(Path.Combine(_senders, n))).Take(gone.Count - most)
        )
        {
            File.Delete(Path.Combine(_senders, name));
        }
    }

    /// <summary>The key that a receiver has shown; null if it is not known.</summary>
    public KeyFingerprint? FindReceiver(HostPort address)
    {
        lock (_gate)
        {
            return KnownReceivers().TryGetValue(address.ToString(), out var key) ? key : null;
        }
    }

    /// <summary>Remembers a receiver's key from now on.</summary>
    /// <exception cref="IOException">The directory cannot be written.</exception>
    public void RememberReceiver(HostPort address, KeyFingerprint key)
    {
        lock (_gate)
        {
            var known = KnownReceivers();
            known[address.ToString()] = key;
            AtomicFile.Write(
                _directory,
                KnownName,
                string.Concat(known.Select(k => $"{k.Key} {k.Value}\n")),
                durable: true
            );
        }
    }

    private SortedDictionary<string, KeyFingerprint> KnownReceivers()
    {
        var result = new SortedDictionary<string, KeyFingerprint>(StringComparer.Ordinal);
        foreach (var line in ReadLines(Path.Combine(_directory, KnownName)))
        {
            if (line.Split(' ') is [var address, var key] && KeyFingerprint.TryParse(key, out var fingerprint, out _))
            {
                result[address] = fingerprint;
            }
        }

        return result;
    }

    private static string[] ReadLines(string path) => FileStatus.OfEntry(path) is null ? [] : Read(path).Split('\n');

    private static string Read(string path) =>
        Encoding.UTF8.GetString(RegularFile.Read(path, MaxLength, followLink: false));

    private ECDsa? LoadKey()
    {
        var path = Path.Combine(_directory, IdentityName);
        if (FileStatus.OfEntry(path) is null)
        {
            return null;
        }

        var text = Read(path);
        var key = ECDsa.Create();
        try
        {
            key.ImportFromPem(text);
            return key;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            key.Dispose();
            var aside = path + ".damaged";
            File.Move(path, aside, overwrite: true);
            _events.Add(
                EventKind.StateDamaged,
                EventLevel.Error,
                "",
                $"state file {path} is damaged ({e.Message}); it is kept as {aside}, and this daemon has a new key, which its peers have to accept",
                new EventFacts { File = path, Problem = e.Message }
            );
            return null;
        }
    }

    private ECDsa MakeKey()
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        AtomicFile.Write(_directory, IdentityName, key.ExportPkcs8PrivateKeyPem() + "\n", durable: true);
        return key;
    }
}

/// <summary>Where a sender's receiver's key is remembered.</summary>
/// <param name="Find">The remembered key; null for none.</param>
/// <param name="Remember">Remembers a key from now on; throws if it cannot.</param>
internal sealed record ReceiverKeys(Func<KeyFingerprint?> Find, Action<KeyFingerprint> Remember);

/// <summary>Where a receiver's approved keys are remembered.</summary>
/// <param name="Load">What was remembered.</param>
/// <param name="Save">Remembers these and no others; throws if it cannot.</param>
internal sealed record SenderKeys(Func<IReadOnlyList<ApprovedSender>> Load, Action<IReadOnlyList<ApprovedSender>> Save);
