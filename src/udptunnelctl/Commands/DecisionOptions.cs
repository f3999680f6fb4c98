// SPDX-License-Identifier: BSD-3-Clause

using Cocona;

namespace UdpTunnel.Cli.Commands;

/// <summary>The sender or peer that a decision is about.</summary>
[AttributeUsage(AttributeTargets.Parameter)]
internal sealed class ApplicantArgumentAttribute : ArgumentAttribute
{
    public ApplicantArgumentAttribute()
        : base("WHICH") =>
        Description =
            "A sender or a peer: its fingerprint or key, the first characters of it that no other has, its name, "
            + "or its address as 'senders' and 'peers' show it";
}

/// <summary>The receiver that a decision about a sender is about.</summary>
[AttributeUsage(AttributeTargets.Parameter)]
internal sealed class RelayOptionAttribute : OptionAttribute
{
    public RelayOptionAttribute()
        : base("relay")
    {
        ValueName = "NAME";
        Description = "A sender, only at this relay";
    }
}

/// <summary>The tunnel that a decision about a peer is about.</summary>
[AttributeUsage(AttributeTargets.Parameter)]
internal sealed class TunnelOptionAttribute : OptionAttribute
{
    public TunnelOptionAttribute()
        : base("tunnel")
    {
        ValueName = "NAME";
        Description = "A peer, only at this tunnel";
    }
}

/// <summary>A decision about a sender or peer wherever it waits.</summary>
[AttributeUsage(AttributeTargets.Parameter)]
internal sealed class AllPlacesOptionAttribute : OptionAttribute
{
    public AllPlacesOptionAttribute()
        : base("all") => Description = "At every relay or tunnel where it waits; a key in full means that by itself";
}
