// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Cli.Live;

/// <summary>A key was pressed.</summary>
/// <param name="Key">Which.</param>
/// <param name="Character">Of <see cref="Key.Character"/>; else 0.</param>
internal readonly record struct KeyPress(Key Key, char Character = '\0')
{
    /// <summary>The key with this character.</summary>
    public static KeyPress Of(char character) => new(Key.Character, character);
}
