// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Cli.Daemon;
using UdpTunnel.Cli.Live;

namespace UdpTunnel.Cli;

/// <summary>
/// All that a command sees of the world around it. The process has one (<see cref="ProcessHost"/>), each test its own.
/// </summary>
internal sealed class CommandHost
{
    /// <summary>Results. Flushed by the commands.</summary>
    public required TextWriter Output { get; init; }

    /// <summary>Opens standard output for results that are no text.</summary>
    public Func<Stream> OpenOutput { get; init; } = Console.OpenStandardOutput;

    /// <summary>Errors, warnings and questions. Each is written at once.</summary>
    public required TextWriter Error { get; init; }

    /// <summary>Opens standard input: a configuration given as <c>-</c>, or the answer to a question.</summary>
    public required Func<Stream> OpenInput { get; init; }

    /// <summary>Which of the three streams are terminals.</summary>
    public required TerminalFacts Terminal { get; init; }

    /// <summary>The value of an environment variable, or null.</summary>
    public required Func<string, string?> Environment { get; init; }

    /// <summary>The clock and the local time zone.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>How to reach a daemon.</summary>
    public required IDaemonConnector Connector { get; init; }

    /// <summary>
    /// Calls the action on Ctrl-C, SIGTERM or SIGHUP instead of ending the process, until the result is disposed of.
    /// Only views that go on until the user ends them ask for it.
    /// </summary>
    public required Func<Action, IDisposable> OnInterrupt { get; init; }

    /// <summary>Takes the terminal over for a view that is drawn again and again.</summary>
    public required TakeTerminal TakeTerminal { get; init; }

    /// <summary>Whether this host forwards IPv4 packets from one network to another.</summary>
    public Func<bool> IsForwarding { get; init; } = () => false;

    /// <summary>Whether this host has a network device of a name.</summary>
    public Func<string, bool> HasDevice { get; init; } = _ => true;

    /// <summary>Whether this host has an address.</summary>
    public Func<System.Net.IPAddress, bool> HasAddress { get; init; } = _ => true;

    /// <summary>How a daemon is started and asked on this host.</summary>
    public required ServiceManager Service { get; init; }
}
