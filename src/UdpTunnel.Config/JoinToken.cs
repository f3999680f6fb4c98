// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace UdpTunnel.Config;

/// <summary>
/// An invitation to a secure tunnel in one line: all that the other end's configuration needs. Pure.
/// <code>
///   utj1_ + base64url of:
///   0    private key of the invited peer     32
///   32   public key of the inviting end      32
///   64   until when it is good               u32, seconds since 1970
///   68   MTU                                 u16
///   70   name of the tunnel                  u8 and as many bytes
///        endpoint of the inviting end        u8 and as many bytes
///        addresses of the invited peer       u8, each: u8 length of the prefix, u8 length in bytes, the address
///        allowed ports                       u16, each range: u16 first, u16 last; none are all
///        first bytes of SHA-256 of the rest  4
/// </code>
/// Numbers are big-endian.
/// </summary>
/// <param name="Name">Name of the tunnel.</param>
/// <param name="PrivateKey">The invited peer's. A secret.</param>
/// <param name="PublicKey">The inviting end's.</param>
/// <param name="Until">Until when it is good.</param>
/// <param name="Mtu">Of the tunnel.</param>
/// <param name="Endpoint">Where the inviting end is.</param>
/// <param name="Addresses">The invited peer's, with the length of the tunnel's networks.</param>
/// <param name="AllowedPorts">Of the inviting end.</param>
public sealed record JoinToken(
    string Name,
    SecretKey PrivateKey,
    PublicKey PublicKey,
    DateTimeOffset Until,
    int Mtu,
    HostPort Endpoint,
    ValueList<InterfaceAddress> Addresses,
    PortSet AllowedPorts
)
{
    /// <summary>What every token begins with.</summary>
    public const string Prefix = "utj1_";

    /// <summary>Seconds after which the invited end says that it is there, so that a NAT does not forget it.</summary>
    public const int KeepaliveSeconds = 25;

    private const string Family = "utj";
    private const int CheckSize = 4;

    // More than the longest name and endpoint, all addresses and a thousand ranges.
    private const int MaxLength = 16_384;

    /// <summary>Reads a token.</summary>
    /// <param name="text">The text; white space in it counts for nothing, as in what was pasted.</param>
    /// <param name="token">The token, if it is one.</param>
    /// <param name="error">What is wrong with it, if not. It does not show the text, which is a secret.</param>
    /// <returns>Whether it is one.</returns>
    public static bool TryParse(
        string text,
        [NotNullWhen(true)] out JoinToken? token,
        [NotNullWhen(false)] out string? error
    )
    {
        ArgumentNullException.ThrowIfNull(text);
        token = null;
        if (text.Length > MaxLength)
        {
            error = "is too long for a token";
            return false;
        }

        var plain = string.Concat(text.Where(c => !char.IsWhiteSpace(c)));
        if (!plain.StartsWith(Prefix, StringComparison.Ordinal))
        {
            error = plain.StartsWith(Family, StringComparison.Ordinal)
                ? "is a token of another version of udptunnelctl"
                : $"is not a token, which begins with \"{Prefix}\"";
            return false;
        }

        var bytes = Decode(plain.AsSpan(Prefix.Length));
        var reader = new Reader(bytes.AsSpan(0, Math.Max(0, bytes.Length - CheckSize)));
        if (bytes.Length > CheckSize && Check(reader.Left).AsSpan().SequenceEqual(bytes.AsSpan(^CheckSize..)))
        {
            token = Read(ref reader);
        }

        CryptographicOperations.ZeroMemory(bytes);
        error = token is null ? "is damaged: characters are missing, or not those that were printed" : null;
        return error is null;
    }

    /// <summary>The token. A secret: not for a log.</summary>
    /// <returns>One line without white space.</returns>
    public string Reveal()
    {
        var bytes = new MemoryStream();
        bytes.Write(PrivateKey.Bytes);
        Span<byte> key = stackalloc byte[PublicKey.Size];
        PublicKey.CopyTo(key);
        bytes.Write(key);
        Write(bytes, (uint)Until.ToUnixTimeSeconds(), sizeof(uint));
        Write(bytes, (uint)Mtu, sizeof(ushort));
        Write(bytes, Name);
        Write(bytes, Endpoint.ToString());
        Write(bytes, (uint)Addresses.Count, sizeof(byte));
        foreach (var address in Addresses)
        {
            var value = address.Address.GetAddressBytes();
            Write(bytes, (uint)address.PrefixLength, sizeof(byte));
            Write(bytes, (uint)value.Length, sizeof(byte));
            bytes.Write(value);
        }

        var ranges = AllowedPorts.IsAll ? [] : AllowedPorts.ToList();
        Write(bytes, (uint)ranges.Count, sizeof(ushort));
        foreach (var range in ranges)
        {
            Write(bytes, range.First, sizeof(ushort));
            Write(bytes, range.Last, sizeof(ushort));
        }

        bytes.Write(Check(bytes.GetBuffer().AsSpan(0, (int)bytes.Length)));
        var text = Prefix + Base64Url.EncodeToString(bytes.GetBuffer().AsSpan(0, (int)bytes.Length));
        CryptographicOperations.ZeroMemory(bytes.GetBuffer());
        return text;
    }

    /// <summary>The tunnel of the invited end.</summary>
    /// <param name="name">Its name there; null for the one in the token.</param>
    /// <returns>The configuration, with its private key.</returns>
    public TunnelConfig ToConfiguration(string? name = null) =>
        new()
        {
            Name = name ?? Name,
            Protocol = TunnelProtocol.WireGuard,
            TunnelAddresses = Addresses,
            NetworkAddress = HostPort.AnyPort,
            AllowedPorts = AllowedPorts,
            Mtu = Mtu,
            PrivateKey = PrivateKey,
            Peers =
            [
                new PeerConfig
                {
                    PublicKey = PublicKey,
                    Endpoint = Endpoint,
                    AllowedIPs = [.. Addresses.Select(address => address.Network).Distinct()],
                    PersistentKeepalive = TimeSpan.FromSeconds(KeepaliveSeconds),
                },
            ],
        };

    /// <summary>Not the key.</summary>
    /// <returns>For example <c>invitation to wg0</c>.</returns>
    public override string ToString() => $"invitation to {Name}";

    private static byte[] Decode(ReadOnlySpan<char> text)
    {
        if (!Base64Url.IsValid(text))
        {
            return [];
        }

        return Base64Url.DecodeFromChars(text);
    }

    private static byte[] Check(ReadOnlySpan<byte> bytes) => SHA256.HashData(bytes)[..CheckSize];

    private static void Write(MemoryStream bytes, uint number, int size)
    {
        for (var shift = (size - 1) * 8; shift >= 0; shift -= 8)
        {
            bytes.WriteByte((byte)(number >> shift));
        }
    }

    private static void Write(MemoryStream bytes, string text)
    {
        var value = Encoding.UTF8.GetBytes(text);
        Write(bytes, (uint)value.Length, sizeof(byte));
        bytes.Write(value);
    }

    private static JoinToken? Read(ref Reader reader)
    {
        var privateKey = SecretKey.FromBytes(reader.Take(SecretKey.Size, padded: true));
        var publicKey = new PublicKey(reader.Take(Config.PublicKey.Size, padded: true));
        var until = DateTimeOffset.FromUnixTimeSeconds(reader.Number(sizeof(uint)));
        var mtu = (int)reader.Number(sizeof(ushort));
        var name = Encoding.UTF8.GetString(reader.Take((int)reader.Number(sizeof(byte))));
        var endpointText = Encoding.UTF8.GetString(reader.Take((int)reader.Number(sizeof(byte))));
        var addresses = new List<InterfaceAddress>();
        for (var left = reader.Number(sizeof(byte)); left > 0 && !reader.IsShort; left--)
        {
            var length = reader.Number(sizeof(byte));
            var value = reader.Take((int)reader.Number(sizeof(byte)));
            if (
                value.Length is not (4 or 16)
                || !InterfaceAddress.TryParseEither(
                    $"{new IPAddress(value)}/{length}",
                    requiresLength: true,
                    out var address,
                    out _
                )
            )
            {
                return null;
            }

            addresses.Add(address);
        }

        var ports = ReadPorts(ref reader);
        return
            reader.IsShort
            || reader.Left.Length > 0
            || addresses.Count is 0 or > TunnelConfig.MaxAddresses
            || mtu is < TunnelConfig.MinMtu or > TunnelConfig.MaxMtu
            || ports is null
            || !ConfigurationName.TryValidate(name, out _)
            || !HostPort.TryParse(endpointText, out var endpoint, out _)
            || endpoint.Kind == HostKind.None
            ? null
            : new JoinToken(name, privateKey, publicKey, until, mtu, endpoint, [.. addresses], ports);
    }

    private static PortSet? ReadPorts(ref Reader reader)
    {
        var count = reader.Number(sizeof(ushort));
        var ranges = new List<PortRange>();
        for (var left = count; left > 0 && !reader.IsShort; left--)
        {
            var first = (ushort)reader.Number(sizeof(ushort));
            var last = (ushort)reader.Number(sizeof(ushort));
            if (first == 0 || last < first)
            {
                return null;
            }

            ranges.Add(new PortRange(first, last));
        }

        return count == 0 ? PortSet.All : PortSet.Create([.. ranges]);
    }

    /// <summary>Takes bytes from the front; where there are too few it says so at the end.</summary>
    private ref struct Reader(ReadOnlySpan<byte> bytes)
    {
        public ReadOnlySpan<byte> Left { get; private set; } = bytes;

        public bool IsShort { get; private set; }

        public ReadOnlySpan<byte> Take(int length, bool padded = false)
        {
            if (Left.Length < length)
            {
                IsShort = true;
                Left = default;
                return padded ? new byte[length] : default;
            }

            var taken = Left[..length];
            Left = Left[length..];
            return taken;
        }

        public long Number(int size)
        {
            var number = 0L;
            foreach (var value in Take(size))
            {
                number = (number << 8) | value;
            }

            return number;
        }
    }
}
