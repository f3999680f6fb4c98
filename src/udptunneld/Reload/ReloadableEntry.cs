namespace UdpTunnel.Reload;

/// <summary>One tunnel or relay, as far as a reload is concerned.</summary>
/// <param name="Name">Its name.</param>
/// <param name="File">The file that it comes from; empty if a command started it.</param>
/// <param name="IsRunning">False while it could not be started.</param>
/// <param name="Problem">Why it does not run, or empty.</param>
internal sealed record ReloadableEntry(string Name, string File, bool IsRunning, string Problem);
