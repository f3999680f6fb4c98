// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Fuzz;

/// <summary>One parser and what must hold for it, whatever the bytes are.</summary>
internal interface IFuzzTarget : IDisposable
{
    /// <summary>Name of the target and of its corpus.</summary>
    string Name { get; }

    /// <summary>Pieces that inputs are likely to be made of.</summary>
    IReadOnlyList<byte[]> Words { get; }

    /// <summary>Inputs to begin with where there is no corpus yet.</summary>
    IEnumerable<byte[]> Seeds(Random random);

    /// <summary>Tries one input. Throws whatever is thrown if something does not hold.</summary>
    void Try(ReadOnlySpan<byte> input);
}
