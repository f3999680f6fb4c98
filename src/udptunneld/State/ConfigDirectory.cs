using UdpTunnel.Config;
using UdpTunnel.Events;

namespace UdpTunnel.State;

/// <summary>The administrator's directory, whose files <c>tunnels.d/*.json</c> start with the daemon. The daemon only reads it.</summary>
internal static class ConfigDirectory
{
    /// <summary>Reads all files; one with a mistake is told and left out.</summary>
    public static IReadOnlyList<Configuration> Load(string directory, EventLog events)
    {
        var result = new List<Configuration>();
        var tunnels = Path.Combine(directory, "tunnels.d");
        if (!Directory.Exists(tunnels))
        {
            return result;
        }

        foreach (var path in Directory.EnumerateFiles(tunnels, "*.json").Order(StringComparer.Ordinal))
        {
            try
            {
                if (Read(path, events) is { } config)
                {
                    result.Add(config);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                events.Add(EventKind.TunnelFailed, EventLevel.Error, "", e.Message);
            }
        }

        return result;
    }

    private static Configuration? Read(string path, EventLog events)
    {
        var name = ConfigurationName.FromFileName(path);
        if (new FileInfo(path).Length > ConfigFile.MaxLength)
        {
            events.Add(EventKind.TunnelFailed, EventLevel.Error, name, $"{path} is longer than {ConfigFile.MaxLength} bytes");
            return null;
        }

        var result = ConfigFile.Parse(File.ReadAllBytes(path), name);
        foreach (var diagnostic in result.Diagnostics)
        {
            var isError = diagnostic.Severity == DiagnosticSeverity.Error;
            events.Add(
                isError ? EventKind.TunnelFailed : EventKind.TunnelStarted,
                isError ? EventLevel.Error : EventLevel.Warning,
                name,
                diagnostic.Render(path));
        }

        return result.Configuration;
    }
}
