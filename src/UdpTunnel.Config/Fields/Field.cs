namespace UdpTunnel.Config.Fields;

/// <summary>A field of the format.</summary>
/// <param name="Name">Its name, as documented.</param>
/// <param name="Kinds">Files in which it may stand.</param>
/// <param name="Required">What to write, if it must be given; null if it need not.</param>
/// <param name="IsSecret">Whether its value must not be shown.</param>
internal sealed record Field(string Name, FileKinds Kinds, string? Required = null, bool IsSecret = false);
