// SPDX-License-Identifier: BSD-3-Clause

using FsCheck.Fluent;

namespace UdpTunnel.Tests.Packets;

/// <summary>
/// Properties over random cases. What FsCheck reports of a failure is the seed of the case:
/// <c>property(new Random(seed))</c> runs it again.
/// </summary>
internal static class Randomised
{
    public static void Check(int cases, Action<Random> property) =>
        FsCheck.Check.One(
            FsCheck.Config.QuickThrowOnFailure.WithMaxTest(cases),
            Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), seed => property(new Random(seed)))
        );

    public static bool Chance(this Random random, int percent) => random.Next(100) < percent;

    public static byte[] Bytes(this Random random, int length)
    {
        byte[] bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }

    public static T OneOf<T>(this Random random, params ReadOnlySpan<T> choices) =>
        choices[random.Next(choices.Length)];
}
