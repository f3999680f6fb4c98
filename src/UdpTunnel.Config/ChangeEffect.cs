// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Config;

/// <summary>What it takes to apply a <see cref="FieldChange"/> to a running tunnel.</summary>
public enum ChangeEffect
{
    /// <summary>Applied while packets flow.</summary>
    Live,

    /// <summary>The tunnel must restart: its device or socket is made anew.</summary>
    Restart,

    /// <summary>Cannot be applied: it would be another tunnel.</summary>
    Impossible,
}
