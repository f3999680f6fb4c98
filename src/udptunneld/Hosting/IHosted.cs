// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Hosting;

/// <summary>A tunnel or relay of the daemon, as far as it does not matter which.</summary>
internal interface IHosted
{
    /// <summary>Its name.</summary>
    string Name { get; }

    /// <summary>The file of the configuration directory that it comes from; empty if a command started it.</summary>
    string File { get; }

    /// <summary>False while it could not be started.</summary>
    bool IsRunning { get; }

    /// <summary>Why it does not run, or empty.</summary>
    string Problem { get; }
}
