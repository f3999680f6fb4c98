namespace Grpc.Core;

/// <summary>
/// What a server's call hands on to a call that it makes itself: its deadline and cancellation. Only a transport makes
/// one, and Grpc.AspNetCore.Server does not; hand <see cref="ServerCallContext.CancellationToken"/> and
/// <see cref="ServerCallContext.Deadline"/> on instead.
/// </summary>
public abstract class ContextPropagationToken
{
    // No transport can derive from it, as with the package.
    internal ContextPropagationToken()
    {
    }
}
