namespace UdpTunnel.Doctor;

/// <summary>What a check has found.</summary>
/// <param name="Id">Stable name of what was looked at: <c>tun_device</c>.</param>
/// <param name="Result">How it is.</param>
/// <param name="Message">What was found, for a person.</param>
/// <param name="Remedy">The command, or the field of a configuration, that mends it; empty if there is none.</param>
/// <param name="Subject">The tunnel or relay; empty for the host and the daemon.</param>
internal sealed record Finding(string Id, CheckResult Result, string Message, string Remedy = "", string Subject = "");
