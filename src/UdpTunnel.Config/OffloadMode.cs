// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Config;

/// <summary>The field <c>Offload</c>: whether the kernel's segmentation and checksum offloads may be used.</summary>
public enum OffloadMode
{
    /// <summary>All that the kernel grants.</summary>
    Auto,

    /// <summary>
    /// None: one packet for each system call's message, as on kernels or links where an offload misbehaves.
    /// </summary>
    Off,
}
