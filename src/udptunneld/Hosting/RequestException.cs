// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Config;

namespace UdpTunnel.Hosting;

/// <summary>A request about a tunnel or a relay cannot be done. The message is for the person who asked.</summary>
internal sealed class RequestException : Exception
{
    /// <param name="fault">Why, for programs.</param>
    /// <param name="message">Why, and what to do about it.</param>
    public RequestException(Fault fault, string message)
        : base(message)
    {
        Fault = fault;
    }

    /// <summary>A configuration that is not valid.</summary>
    public RequestException(IReadOnlyList<Diagnostic> diagnostics)
        : base("the configuration is not valid")
    {
        Fault = Fault.InvalidConfiguration;
        Diagnostics = diagnostics;
    }

    /// <summary>Why, for programs.</summary>
    public Fault Fault { get; }

    /// <summary>The mistakes of a configuration; empty for other faults.</summary>
    public IReadOnlyList<Diagnostic> Diagnostics { get; } = [];
}
