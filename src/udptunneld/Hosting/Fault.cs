// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Hosting;

/// <summary>Why a request could not be done. Values and names follow <c>udptunnel.v1.ErrorReason</c>.</summary>
internal enum Fault
{
    InvalidRequest = 1,
    InvalidConfiguration = 2,
    RoleRequired = 3,
    NoSuchTunnel = 4,
    NameTaken = 5,
    DeviceTaken = 6,
    PortTaken = 7,
    DaemonLacksPrivilege = 8,
    TunUnavailable = 9,
    FirewallRefused = 10,
    RestartRequired = 11,
    LimitReached = 12,
    StateNotWritable = 13,
    System = 14,
    NoSuchRelay = 15,
    NoSuchSender = 16,
    AmbiguousSender = 17,
    SenderNotPending = 18,
    AddressOverlap = 19,
    ReceiverTaken = 20,
    NoSuchPeer = 21,
    AmbiguousPeer = 22,
    PeerNotPending = 23,
}
