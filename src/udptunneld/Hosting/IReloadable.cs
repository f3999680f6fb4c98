// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;

namespace UdpTunnel.Hosting;

/// <summary>What files of the configuration directory describe: the daemon's tunnels, or its relays.</summary>
internal interface IReloadable
{
    /// <summary>What there is, whether a file or a command started it.</summary>
    IEnumerable<IHosted> Entries { get; }

    /// <summary>Whether a configuration is of this kind.</summary>
    bool Takes(Configuration configuration);

    /// <summary>The fields in which a configuration differs from what there is under its name.</summary>
    /// <exception cref="RequestException">There is none of that name.</exception>
    IReadOnlyList<FieldChange> Compare(Configuration configuration);

    /// <summary>
    /// Starts what a file describes. What cannot start now is kept and tried again, as at the daemon's start.
    /// </summary>
    /// <exception cref="RequestException">The name is taken, or there are too many.</exception>
    /// <returns>Why it does not run yet, or empty.</returns>
    Task<string> StartFileAsync(Configuration configuration, string file, CancellationToken cancellationToken);

    /// <summary>Applies a file to what there is under its name.</summary>
    /// <exception cref="RequestException">It cannot be applied; everything is as it was.</exception>
    /// <returns>Why it does not run, or empty.</returns>
    Task<string> ApplyFileAsync(
        Configuration configuration,
        string file,
        bool allowRestart,
        CancellationToken cancellationToken
    );

    /// <summary>Stops what has no file any more.</summary>
    /// <exception cref="RequestException">There is none of that name.</exception>
    Task StopFileAsync(string name, CancellationToken cancellationToken);
}
