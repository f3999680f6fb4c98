// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Fuzz.Driver;

/// <summary>
/// Changes inputs at random, in the ways that have proved themselves in other fuzzers: small and stacked.
/// </summary>
internal sealed class Mutator(Random random, IReadOnlyList<byte[]> words)
{
    private const int MaxLength = 16 * 1024;
    private const int MaxSteps = 8;

    // Where comparisons turn over.
    private static readonly byte[] Edges = [0, 1, 4, 5, 7, 8, 15, 16, 19, 20, 31, 32, 63, 64, 127, 128, 254, 255];

    /// <summary>Makes a new input.</summary>
    /// <param name="input">To be changed.</param>
    /// <param name="other">Another one, of which it may take a piece.</param>
    public byte[] Mutate(byte[] input, byte[] other)
    {
        var bytes = new List<byte>(input);
        for (var steps = 1 + random.Next(MaxSteps); steps > 0; steps--)
        {
            Step(bytes, other);
        }

        return bytes.Count <= MaxLength ? [.. bytes] : [.. bytes.Take(MaxLength)];
    }

    private void Step(List<byte> bytes, byte[] other)
    {
        var at = random.Next(bytes.Count + 1);
        if (at == bytes.Count)
        {
            bytes.AddRange(Piece(other));
            return;
        }

        switch (random.Next(10))
        {
            case 0:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                bytes[at] = (byte)random.Next(256);
                break;
            case 2:
                bytes[at] = Edges[random.Next(Edges.Length)];
                break;
            case 3:
                bytes[at] += (byte)random.Next(-8, 9);
                break;
            case 4:
                bytes.RemoveRange(at, Math.Min(bytes.Count - at, 1 + random.Next(random.Next(4) == 0 ? 200 : 4)));
                break;
            case 5:
                bytes.InsertRange(at, Piece([.. bytes]));
                break;
            case 6:
                bytes.InsertRange(at, Piece(other));
                break;
            case 7:
                bytes.InsertRange(at, Word());
                break;
            case 8:
                Overwrite(bytes, at, Word());
                break;
            default:
                Overwrite(bytes, at, Piece([.. bytes]));
                break;
        }
    }

    private byte[] Word() => words[random.Next(words.Count)];

    private byte[] Piece(byte[] bytes)
    {
        var start = random.Next(bytes.Length + 1);
        return bytes[start..Math.Min(bytes.Length, start + random.Next(random.Next(4) == 0 ? 400 : 16))];
    }

    private static void Overwrite(List<byte> bytes, int at, byte[] piece)
    {
        for (var i = 0; i < piece.Length && at + i < bytes.Count; i++)
        {
            bytes[at + i] = piece[i];
        }
    }
}
