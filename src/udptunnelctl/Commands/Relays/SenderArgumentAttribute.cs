using Cocona;

namespace UdpTunnel.Cli.Commands.Relays;

/// <summary>The sender that a decision is about.</summary>
[AttributeUsage(AttributeTargets.Parameter)]
internal sealed class SenderArgumentAttribute : ArgumentAttribute
{
    public SenderArgumentAttribute()
        : base("SENDER") =>
        Description =
            "Its fingerprint, the first characters of it that no other has, or its address as 'senders' " + "shows it";
}

/// <summary>The receiver that a decision about a sender is about.</summary>
[AttributeUsage(AttributeTargets.Parameter)]
internal sealed class RelayOptionAttribute : OptionAttribute
{
    public RelayOptionAttribute()
        : base("relay")
    {
        ValueName = "NAME";
        Description = "Only at this relay";
    }
}

/// <summary>A decision about a sender at every receiver where it waits.</summary>
[AttributeUsage(AttributeTargets.Parameter)]
internal sealed class AllRelaysOptionAttribute : OptionAttribute
{
    public AllRelaysOptionAttribute()
        : base("all") => Description = "At every relay where it waits; a fingerprint in full means that by itself";
}
