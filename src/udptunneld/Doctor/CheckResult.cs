namespace UdpTunnel.Doctor;

/// <summary>What became of a check. Values and names follow <c>udptunnel.v1.CheckResult</c>.</summary>
internal enum CheckResult
{
    Ok = 1,
    Warning = 2,
    Failure = 3,
    Skipped = 4,
}
