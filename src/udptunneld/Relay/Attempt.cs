namespace UdpTunnel.Relay;

/// <summary>How an attempt to connect ended.</summary>
/// <param name="Problem">What went wrong, for a person.</param>
/// <param name="WasLetIn">Whether datagrams flowed.</param>
/// <param name="IsRefused">Whether somebody has to decide something before another attempt can succeed.</param>
internal sealed record Attempt(string Problem, bool WasLetIn, bool IsRefused);
