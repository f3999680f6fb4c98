using Cocona;

namespace UdpTunnel.Cli.Commands.Relays;

/// <summary>The sender that a decision is about.</summary>
[AttributeUsage(AttributeTargets.Parameter)]
internal sealed class SenderArgumentAttribute : ArgumentAttribute
{
    public SenderArgumentAttribute()
        : base("SENDER") =>
        Description = "Its fingerprint, the first characters of it that no other has, or its address as 'senders' "
            + "shows it";
}
