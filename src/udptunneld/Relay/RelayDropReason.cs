// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Relay;

/// <summary>
/// Why a relay dropped a datagram or refused a connection. Values and names follow <c>udptunnel.v1.RelayDropReason</c>.
/// </summary>
internal enum RelayDropReason
{
    None = 0,
    NotApproved = 1,
    FlowLimit = 2,
    FlowRate = 3,
    UnknownFlow = 4,
    QueueFull = 5,
    SendFailed = 6,
    TooBig = 7,
    ProtocolError = 8,
    PendingLimit = 9,
    NoDescriptors = 10,
    BufferFull = 11,
    OtherSource = 12,
    SendBufferFull = 13,
    ServiceRefused = 14,
    ClientNotAllowed = 15,
    ClientRate = 16,
    NoService = 20,
}
