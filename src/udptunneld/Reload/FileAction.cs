// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Reload;

/// <summary>
/// What a file asks for, compared with what runs. Values and names follow <c>udptunnel.v1.FileAction</c>.
/// </summary>
internal enum FileAction
{
    None = 1,
    Start = 2,
    Change = 3,
    Restart = 4,
    Stop = 5,
    Refuse = 6,
}
