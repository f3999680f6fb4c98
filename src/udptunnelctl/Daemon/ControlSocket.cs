namespace UdpTunnel.Cli.Daemon;

/// <summary>Where the daemon's control socket is looked for.</summary>
internal static class ControlSocket
{
    /// <summary>Where the packaged daemon listens.</summary>
    public const string DefaultPath = "/run/udptunnel/udptunneld.sock";

    /// <summary>The environment variable that stands in for <c>--socket</c>.</summary>
    public const string EnvironmentVariable = "UDPTUNNEL_SOCKET";

    /// <summary>
    /// The option if given, else the environment variable if it is set and not empty, else the default.
    /// </summary>
    public static string Resolve(string? option, Func<string, string?> environment)
    {
        if (option is not null)
        {
            return option;
        }

        return environment(EnvironmentVariable) is { Length: > 0 } path ? path : DefaultPath;
    }
}
