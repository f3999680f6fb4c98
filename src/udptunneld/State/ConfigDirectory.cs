// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;
using UdpTunnel.Crypto;
using UdpTunnel.Linux;

namespace UdpTunnel.State;

/// <summary>
/// The administrator's directory, whose files <c>tunnels.d/*.json</c> and <c>tunnels.d/*.conf</c> start with the
/// daemon, and the service manager's credentials, which do too. The daemon only reads them.
/// </summary>
internal static class ConfigDirectory
{
    // LoadCredential=private:DIRECTORY puts each file of the directory under this and its own name.
    private const string CredentialPrefix = "private_";

    /// <summary>All files, in the order of their names; one that cannot be used says why.</summary>
    /// <param name="directory">The administrator's.</param>
    /// <param name="credentials">The service manager's, or null.</param>
    /// <exception cref="IOException">
    /// A directory is there but cannot be read, which does not mean that it is empty.
    /// </exception>
    public static IReadOnlyList<ConfiguredFile> Read(string directory, string? credentials = null)
    {
        try
        {
            var paths = new Dictionary<string, string>(StringComparer.Ordinal);
            IEnumerable<string> files =
            [
                .. FilesOf(Path.Combine(directory, "tunnels.d")),
                .. CredentialsOf(credentials),
            ];
            return [.. files.Select(ReadFile).Select(f => Once(f, paths))];
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException(e.Message, e);
        }
    }

    private static IEnumerable<string> FilesOf(string directory) =>
        Directory.Exists(directory)
            ? Directory
                .EnumerateFiles(directory)
                .Where(ConfigurationName.IsOfConfiguration)
                .Order(StringComparer.Ordinal)
            : [];

    private static IEnumerable<string> CredentialsOf(string? directory)
    {
        try
        {
            return directory is null ? [] : [.. FilesOf(directory)];
        }
        catch (UnauthorizedAccessException)
        {
            // systemd opens the directory to the service with the first credential that it puts there, so this one is
            // empty.
            return [];
        }
    }

    /// <summary>Two files must not describe one thing: which of them would run, would depend on their names.</summary>
    private static ConfiguredFile Once(ConfiguredFile file, Dictionary<string, string> paths)
    {
        if (file.Configuration is null || paths.TryAdd(file.Name, file.Path))
        {
            return file;
        }

        return file with
        {
            Configuration = null,
            Problem = $"{file.Path} describes {file.Name}, as {paths[file.Name]} does",
        };
    }

    private static ConfiguredFile ReadFile(string path)
    {
        var file = Path.GetFileName(path);
        var name = ConfigurationName.FromFileName(
            file.StartsWith(CredentialPrefix, StringComparison.Ordinal) ? file[CredentialPrefix.Length..] : file
        );
        try
        {
            var text = RegularFile.Read(path, ConfigFile.MaxLength, followLink: true);
            var result = ConfigFile.Parse(text, name, X25519PrivateKey.PublicKeyOf);
            return result.Configuration is { } configuration
                ? new ConfiguredFile(path, configuration.Name, configuration, result.Diagnostics, "")
                : new ConfiguredFile(path, name, null, result.Diagnostics, FirstError(result.Diagnostics).Render(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Unusable(e.Message);
        }

        ConfiguredFile Unusable(string problem) => new(path, name, null, [], problem);
    }

    private static Diagnostic FirstError(IReadOnlyList<Diagnostic> diagnostics) =>
        diagnostics.First(d => d.Severity == DiagnosticSeverity.Error);
}
