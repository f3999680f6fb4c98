namespace Grpc.Core;

/// <summary>A way to a server that clients share.</summary>
public abstract class ChannelBase
{
    /// <summary>Makes the channel.</summary>
    /// <param name="target">The server.</param>
    /// <exception cref="ArgumentNullException"><paramref name="target"/> is null.</exception>
    protected ChannelBase(string target)
    {
        ArgumentNullException.ThrowIfNull(target);
        Target = target;
    }

    /// <summary>The server.</summary>
    public string Target { get; }

    /// <summary>Makes what a client calls through.</summary>
    /// <returns>The invoker.</returns>
    public abstract CallInvoker CreateCallInvoker();

    /// <summary>Closes the channel.</summary>
    /// <returns>Ends when it is closed.</returns>
    public Task ShutdownAsync() => ShutdownAsyncCore();

    /// <summary>See <see cref="ShutdownAsync"/>; nothing to do unless overridden.</summary>
    /// <returns>Ends when the channel is closed.</returns>
    protected virtual Task ShutdownAsyncCore() => Task.CompletedTask;
}
