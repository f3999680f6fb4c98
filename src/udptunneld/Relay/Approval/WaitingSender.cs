namespace UdpTunnel.Relay.Approval;

/// <summary>A sender that waits for a person.</summary>
/// <param name="Applicant">The sender.</param>
/// <param name="Since">When it came, by the wall clock, for people.</param>
/// <param name="Arrived">The same by the monotonic clock (<see cref="TimeProvider.GetTimestamp"/>), which decides.</param>
internal sealed record WaitingSender<T>(T Applicant, DateTimeOffset Since, long Arrived)
    where T : class, IApplicant;
