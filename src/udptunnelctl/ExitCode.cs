// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Cli;

/// <summary>What the process ends with. Scripts rely on the numbers.</summary>
internal enum ExitCode
{
    /// <summary>Done; also a watch that was ended by Ctrl-C.</summary>
    Done = 0,

    /// <summary>Understood, but it did not work.</summary>
    Failed = 1,

    /// <summary>Wrong usage or invalid configuration; nothing was started.</summary>
    Usage = 2,

    /// <summary>Nobody answers at the control socket.</summary>
    Unreachable = 3,

    /// <summary>The caller may not open the socket or make the call.</summary>
    NotPermitted = 4,

    /// <summary>No tunnel of that name.</summary>
    NoSuchThing = 5,

    /// <summary>The daemon did not answer in time.</summary>
    TimedOut = 6,
}
