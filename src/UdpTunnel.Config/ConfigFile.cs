// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers;
using System.Text;
using System.Text.Unicode;
using UdpTunnel.Config.Fields;
using UdpTunnel.Config.Json;
using UdpTunnel.Config.WgQuick;

namespace UdpTunnel.Config;

/// <summary>
/// Reads configuration files, as docs/configuration.md describes them: JSON with comments and trailing commas, or the
/// files of wg-quick(8).
/// </summary>
public static class ConfigFile
{
    /// <summary>
    /// Longest text, in bytes: 2 MiB, as ten thousand peers need. Callers that read a file check its length before they
    /// read.
    /// </summary>
    public const int MaxLength = 2 << 20;

    /// <summary>Reads a configuration and reports all its mistakes; the first only, if it is not JSON at all.</summary>
    /// <param name="utf8Text">The text in UTF-8; a byte order mark is skipped. It says itself which kind it is.</param>
    /// <param name="defaultName">
    /// The name if the text has none, see <see cref="ConfigurationName.FromFileName"/>; null for none.
    /// </param>
    /// <param name="publicKeyOf">
    /// Computes the public key of a private one (X25519), by which a peer with this end's own key is found; null where
    /// that cannot be done.
    /// </param>
    /// <returns>The configuration, or null and at least one error. It throws for no text.</returns>
    public static ConfigResult Parse(
        ReadOnlySpan<byte> utf8Text,
        string? defaultName,
        Func<SecretKey, PublicKey>? publicKeyOf = null
    )
    {
        var remarks = new DiagnosticBag();
        var configuration = Read(utf8Text, defaultName, publicKeyOf, remarks);
        return new ConfigResult(configuration, remarks.ToList());
    }

    private static Configuration? Read(
        ReadOnlySpan<byte> text,
        string? defaultName,
        Func<SecretKey, PublicKey>? publicKeyOf,
        DiagnosticBag remarks
    )
    {
        if (text.Length > MaxLength)
        {
            remarks.Add(
                new Diagnostic(
                    DiagnosticSeverity.Error,
                    0,
                    0,
                    "",
                    $"the text has {text.Length} bytes (at most {MaxLength} are allowed)"
                )
            );
            return null;
        }

        if (text.StartsWith("\uFEFF"u8))
        {
            text = text["\uFEFF"u8.Length..];
        }

        // Old Macs ended lines so.
        var hasOldLines = text.Contains((byte)'\r') && !text.Contains((byte)'\n');
        if (hasOldLines)
        {
            var lines = new byte[text.Length];
            text.Replace(lines.AsSpan(), (byte)'\r', (byte)'\n');
            text = lines;
        }

        if (IsUtf16(text) || !Utf8.IsValid(text))
        {
            var message = IsUtf16(text)
                ? "the text is UTF-16; save it as UTF-8"
                : "this byte is not UTF-8; save the text as UTF-8";
            new FieldReader(text, [], remarks).Error(FirstInvalid(text), "", message);
            return null;
        }

        if (hasOldLines)
        {
            new FieldReader(text, [], remarks).Warn(
                text.IndexOf((byte)'\n'),
                "",
                "lines end in carriage returns alone, and are read as if in line feeds"
            );
        }

        var configuration = WgQuickLine.IsMeant(text)
            ? ReadWgQuick(text, defaultName, publicKeyOf, remarks)
            : ReadJson(text, defaultName, publicKeyOf, remarks);
        if (configuration is TunnelConfig { Peers.Count: > 0 } && configuration.ToJson().Length > MaxLength)
        {
            new FieldReader(text, [], remarks).Error(
                0,
                KnownFields.Peers.Name,
                $"with all defaults written out the text is longer than {MaxLength} bytes"
            );
            return null;
        }

        return configuration;
    }

    private static TunnelConfig? ReadWgQuick(
        ReadOnlySpan<byte> text,
        string? defaultName,
        Func<SecretKey, PublicKey>? publicKeyOf,
        DiagnosticBag remarks
    )
    {
        var reader = new FieldReader(text, [], remarks);
        CheckDefaultName(reader, 0, defaultName);
        var fields = new WgQuickFields(reader, defaultName);
        fields.Read(text, publicKeyOf);
        return remarks.HasErrors ? null : fields.ToConfiguration(defaultName!);
    }

    private static Configuration? ReadJson(
        ReadOnlySpan<byte> text,
        string? defaultName,
        Func<SecretKey, PublicKey>? publicKeyOf,
        DiagnosticBag remarks
    )
    {
        var errorOffset = JsonScanner.Scan(text, out var nodes, out var error);
        var reader = new FieldReader(text, nodes, remarks);
        if (error is not null)
        {
            reader.Error(errorOffset, "", error);
            return null;
        }

        if (nodes[0].Kind != JsonKind.Object)
        {
            reader.Error(nodes[0].Start, "", "a JSON object is expected ({ … })");
            return null;
        }

        return ReadObject(reader, defaultName, publicKeyOf, remarks);
    }

    private static Configuration? ReadObject(
        in FieldReader reader,
        string? defaultName,
        Func<SecretKey, PublicKey>? publicKeyOf,
        DiagnosticBag remarks
    )
    {
        var members = FileMembers.Read(reader);
        var name = ReadName(reader, members, defaultName);
        if (members.Kind == FileKinds.Relay)
        {
            var relay = new RelayFields(reader);
            foreach (var member in members.Others)
            {
                relay.Read(member);
            }

            relay.CheckTogether();
            return remarks.HasErrors ? null : relay.ToConfiguration(name!);
        }

        var protocol = members.Kind == FileKinds.WireGuard ? TunnelProtocol.WireGuard : TunnelProtocol.Classic;
        var tunnel = new TunnelFields(reader, protocol, publicKeyOf);
        foreach (var member in members.Others)
        {
            tunnel.Read(member);
        }

        tunnel.CheckPeers();

        if (remarks.HasErrors)
        {
            return null;
        }

        tunnel.CheckTogether();
        return tunnel.ToConfiguration(name!);
    }

    private static string? ReadName(in FieldReader reader, FileMembers members, string? defaultName)
    {
        string? name = null;
        foreach (var member in members.Names)
        {
            if (reader.TryReadString(member, out name) && !ConfigurationName.TryValidate(name, out var error))
            {
                reader.Error(member, error);
            }
        }

        if (members.Names.Count > 0)
        {
            return name;
        }

        CheckDefaultName(reader, reader.Nodes[0].Start, defaultName);
        return defaultName;
    }

    private static void CheckDefaultName(in FieldReader reader, int at, string? defaultName)
    {
        if (defaultName is null)
        {
            reader.Error(at, KnownFields.Name.Name, "is missing; without a file's name it is required");
        }
        else if (!ConfigurationName.TryValidate(defaultName, out var error))
        {
            reader.Error(at, KnownFields.Name.Name, $"is missing, and the file's name cannot serve: {error}");
        }
    }

    /// <summary>Whether a text is UTF-16, with a byte order mark or by a zero byte in the first letter.</summary>
    private static bool IsUtf16(ReadOnlySpan<byte> text) =>
        text is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..] or [0, not 0, ..] or [not 0, 0, ..];

    private static int FirstInvalid(ReadOnlySpan<byte> text)
    {
        var at = 0;
        while (Rune.DecodeFromUtf8(text[at..], out _, out var length) == OperationStatus.Done)
        {
            at += length;
        }

        return at;
    }
}
