// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Linux;

/// <summary>
/// The error numbers that this program tells apart. The same on x86-64 and arm64 (asm-generic/errno.h).
/// </summary>
internal enum Errno
{
    None = 0,
    NotPermitted = 1,
    NoEntry = 2,
    Interrupted = 4,
    InputOutput = 5,
    NoSuchDeviceOrAddress = 6,
    Again = 11,
    OutOfMemory = 12,
    AccessDenied = 13,
    BadAddress = 14,
    Busy = 16,
    Exists = 17,
    NoDevice = 19,
    Invalid = 22,
    TooManyFilesInSystem = 23,
    TooManyFiles = 24,
    NoSpace = 28,
    ReadOnlyFileSystem = 30,
    BadDescriptorState = 77,
    MessageTooLong = 90,
    NotSupported = 95,
    AddressFamilyNotSupported = 97,
    AddressInUse = 98,
    AddressNotAvailable = 99,
    NetworkDown = 100,
    NetworkUnreachable = 101,
    ConnectionAborted = 103,
    NoBuffers = 105,
    TimedOut = 110,
    ConnectionRefused = 111,
    HostUnreachable = 113,
    InProgress = 115,
}
