// SPDX-License-Identifier: BSD-3-Clause

using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace UdpTunnel.Config;

/// <summary>
/// What one configuration file describes: a <see cref="TunnelConfig"/> or a <see cref="RelayConfig"/>.
/// </summary>
/// <remarks>
/// <see cref="ConfigFile.Parse"/> returns only configurations that keep every rule. One that was put together by hand
/// is checked by parsing its <see cref="ToJson"/>.
/// </remarks>
public abstract record Configuration
{
    /// <summary>Only the two kinds of this assembly derive from it.</summary>
    private protected Configuration() { }

    /// <summary>Name of the tunnel or relay, by the rules of <see cref="ConfigurationName"/>.</summary>
    public required string Name { get; init; }

    /// <summary>
    /// The canonical text: every field that has a value, defaults included, so that a later change of a default does
    /// not change what was stored. Parsing it gives an equal configuration.
    /// </summary>
    /// <remarks>With its secrets it is stored where only root reads it, and never logged.</remarks>
    /// <param name="showSecrets">
    /// Whether <c>PacketMagic</c> and keys are in it; else <see cref="SecretKey.Hidden"/> stands for them.
    /// </param>
    /// <returns>Indented JSON without comments, lines ended by a line feed.</returns>
    public string ToJson(bool showSecrets = true)
    {
        using var buffer = new MemoryStream();
        var options = new JsonWriterOptions
        {
            Indented = true,
            NewLine = "\n",
            // Text that is not ASCII stays as it is: escaping it would make a file grow at each rewriting.
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        };
        using (var json = new Utf8JsonWriter(buffer, options))
        {
            json.WriteStartObject();
            WriteFields(json, showSecrets);
            json.WriteEndObject();
        }

        buffer.WriteByte((byte)'\n');
        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    /// <summary>Kind and name only: a record's usual text would show <c>PacketMagic</c> in logs.</summary>
    /// <returns>For example <c>tunnel home</c>.</returns>
    public sealed override string ToString() => $"{KindName} {Name}";

    /// <summary><c>tunnel</c> or <c>relay</c>.</summary>
    private protected abstract string KindName { get; }

    /// <summary>Writes the fields in canonical order.</summary>
    private protected abstract void WriteFields(Utf8JsonWriter json, bool showSecrets);
}
