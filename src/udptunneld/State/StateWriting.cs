// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Hosting;

namespace UdpTunnel.State;

/// <summary>What becomes of a state directory that refuses.</summary>
internal static class StateWriting
{
    /// <summary>Does what reads or writes there.</summary>
    /// <exception cref="RequestException">The disk refuses.</exception>
    public static void Try(Action change) =>
        Try(() =>
        {
            change();
            return true;
        });

    /// <inheritdoc cref="Try(Action)"/>
    public static T Try<T>(Func<T> change)
    {
        try
        {
            return change();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RequestException(
                Fault.StateNotWritable,
                $"cannot write the state directory: {e.Message}; --ephemeral does without"
            );
        }
    }
}
