// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Failures;
using UdpTunnel.Config;
using Remark = UdpTunnel.V1.Diagnostic;
using Severity = UdpTunnel.V1.Severity;

namespace UdpTunnel.Cli.Commands;

/// <summary>A configuration as read from a file or from standard input, and found to be valid.</summary>
/// <param name="FileName">As the user named it; <c>stdin</c> for standard input.</param>
/// <param name="Text">What is sent to the daemon, which opens no files for its callers.</param>
/// <param name="Configuration">What it says.</param>
/// <param name="Warnings">What was accepted but deserves a look.</param>
internal sealed record ConfigurationText(
    string FileName,
    string Text,
    Configuration Configuration,
    IReadOnlyList<Remark> Warnings
)
{
    private const string StandardInput = "-";

    private static readonly string[] Places = [".", "/etc/udptunnel/tunnels.d", "/etc/udptunnel", "/etc/wireguard"];

    /// <summary>Reads and checks a configuration.</summary>
    /// <param name="host">Where standard input is.</param>
    /// <param name="path">Path of a file, or <c>-</c> for standard input.</param>
    /// <param name="name">
    /// The name if the text has none; null takes it from the file's name, and standard input has none to give.
    /// </param>
    /// <exception cref="CommandException">It cannot be read, is too large, or has mistakes.</exception>
    public static ConfigurationText Read(CommandHost host, string path, string? name)
    {
        var fileName = path == StandardInput ? "stdin" : path;
        var bytes = ReadBytes(host, path, fileName);
        var result = ConfigFile.Parse(
            bytes,
            name ?? (path == StandardInput ? null : ConfigurationName.FromFileName(path))
        );
        var remarks = result.Diagnostics.Select(ToMessage).ToList();
        if (result.Configuration is { } configuration)
        {
            // Valid, hence UTF-8 throughout.
            return new ConfigurationText(fileName, System.Text.Encoding.UTF8.GetString(bytes), configuration, remarks);
        }

        var mistakes = remarks.Count(r => r.Severity == Severity.Error);
        throw new CommandException(
            ExitCode.Usage,
            "invalid_configuration",
            $"{fileName} has {(mistakes == 1 ? "a mistake" : $"{mistakes} mistakes")}"
        )
        {
            Diagnostics = remarks,
            FileName = fileName,
        };
    }

    /// <summary>
    /// The configurations of a directory, as the daemon looks for them in tunnels.d; any other path is one itself.
    /// </summary>
    /// <exception cref="CommandException">The directory cannot be read, or has none.</exception>
    public static IEnumerable<string> FilesAt(string path)
    {
        if (!Directory.Exists(path))
        {
            return [path];
        }

        try
        {
            var files = Directory
                .GetFiles(path)
                .Where(ConfigurationName.IsOfConfiguration)
                .Order(StringComparer.Ordinal)
                .ToList();
            return files.Count > 0
                ? files
                : throw new CommandException(
                    ExitCode.Usage,
                    "unreadable",
                    $"there is no configuration (*.json, *.conf) in {path}"
                );
        }
        catch (UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.Usage, "unreadable", $"cannot read {path}: Permission denied");
        }
    }

    /// <summary>
    /// These warnings and those of the daemon that are not among them: both ends know the same rules.
    /// </summary>
    public IReadOnlyList<Remark> With(IEnumerable<Remark> warnings) => [.. Warnings.Union(warnings)];

    /// <summary>What is to be said of a tunnel on a host that forwards.</summary>
    public static IEnumerable<Remark> OnReach(TunnelConfig config) =>
        PeerReach.RemarkWhereForwarding(config) is { } remark ? [ToMessage(remark)] : [];

    /// <summary>
    /// What is to be said of a tunnel that is for this host, and whose socket the host could not bind now.
    /// </summary>
    public static IEnumerable<Remark> OnBinding(TunnelConfig config, Invocation invocation)
    {
        if (invocation.Place.Host is not null)
        {
            yield break;
        }

        var host = invocation.Host;
        if (config.BindDevice is { } device && !host.HasDevice(device))
        {
            yield return Of(nameof(config.BindDevice), $"this host has no device {device} at this moment");
        }

        // A link-local address belongs to its device.
        if (config.BindAddress is { Address: { } address, Zone.Length: 0 } && !host.HasAddress(address))
        {
            yield return Of(
                nameof(config.BindAddress),
                $"this host does not have the address {address} at this moment"
            );
        }

        static Remark Of(string field, string text) =>
            ToMessage(new Diagnostic(DiagnosticSeverity.Warning, 0, 0, field, text));
    }

    private static byte[] ReadBytes(CommandHost host, string path, string fileName)
    {
        try
        {
            using var stream = path == StandardInput ? host.OpenInput() : OpenFile(path);
            if (stream.CanSeek && stream.Length > ConfigFile.MaxLength)
            {
                throw TooLarge(fileName);
            }

            // One byte more than allowed tells a text that is too long from one that just fits; pipes have no length to
            // ask for.
            var buffer = new byte[ConfigFile.MaxLength + 1];
            var length = stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
            return length <= ConfigFile.MaxLength ? buffer[..length] : throw TooLarge(fileName);
        }
        catch (IOException e)
        {
            throw Unreadable(fileName, SystemError.Text(e), e is FileNotFoundException ? Meant(path) : null);
        }
        catch (UnauthorizedAccessException)
        {
            // .NET answers EISDIR with this exception, too.
            throw Unreadable(fileName, Directory.Exists(path) ? "Is a directory" : "Permission denied");
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw Unreadable(fileName, "not a path");
        }
    }

    private static FileStream OpenFile(string path) =>
        new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);

    private static CommandException TooLarge(string fileName) =>
        new(ExitCode.Usage, "invalid_configuration", $"{fileName} is larger than a configuration may be (2 MiB)");

    private static CommandException Unreadable(string fileName, string why, string? advice = null) =>
        new(ExitCode.Usage, "unreadable", $"cannot read {fileName}: {why}") { Advice = advice };

    /// <summary>What somebody may mean who writes a tunnel's name, as wg-quick takes it; null if it is none.</summary>
    private static string? Meant(string path)
    {
        if (!ConfigurationName.TryValidate(path, out _) || ConfigurationName.IsOfConfiguration(path))
        {
            return null;
        }

        var file = Places
            .SelectMany(directory => new[] { $"{path}.json", $"{path}.conf" }.Select(f => Path.Combine(directory, f)))
            .FirstOrDefault(File.Exists);
        return file is null ? "A file is needed, not a name." : $"A file is needed, not a name: did you mean {file}?";
    }

    private static Remark ToMessage(Diagnostic diagnostic) =>
        new()
        {
            Severity = diagnostic.Severity == DiagnosticSeverity.Error ? Severity.Error : Severity.Warning,
            Line = diagnostic.Line,
            Column = diagnostic.Column,
            Field = diagnostic.Field,
            Message = diagnostic.Message,
        };
}
