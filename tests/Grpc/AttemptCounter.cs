namespace Grpc.Tests;

/// <summary>Counts the calls that reach a server, of which the first ones fail.</summary>
internal sealed class AttemptCounter(int failures)
{
    private int _seen;

    /// <summary>How many calls came.</summary>
    public int Seen => Volatile.Read(ref _seen);

    /// <summary>Counts one more call.</summary>
    /// <returns>Whether it shall fail.</returns>
    public bool Next() => Interlocked.Increment(ref _seen) <= failures;
}
