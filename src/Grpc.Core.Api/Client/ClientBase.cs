namespace Grpc.Core;

/// <summary>What all generated clients have in common.</summary>
public abstract partial class ClientBase
{
    private readonly CallInvoker? _callInvoker;

    /// <summary>For test doubles that override every method they use: any real call fails.</summary>
    protected ClientBase()
    {
    }

    /// <summary>Makes the client from another one's configuration.</summary>
    /// <param name="configuration">The configuration.</param>
    /// <exception cref="ArgumentNullException"><paramref name="configuration"/> is null.</exception>
    protected ClientBase(ClientBaseConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        _callInvoker = configuration.CreateCallInvoker();
        Configuration = configuration;
    }

    /// <summary>Makes a client of a channel.</summary>
    /// <param name="channel">The channel.</param>
    /// <exception cref="ArgumentNullException"><paramref name="channel"/> is null.</exception>
    protected ClientBase(ChannelBase channel)
        : this(InvokerOf(channel))
    {
    }

    /// <summary>Makes a client that calls through an invoker, such as one with interceptors.</summary>
    /// <param name="callInvoker">The invoker.</param>
    /// <exception cref="ArgumentNullException"><paramref name="callInvoker"/> is null.</exception>
    protected ClientBase(CallInvoker callInvoker)
    {
        ArgumentNullException.ThrowIfNull(callInvoker);
        _callInvoker = callInvoker;
        Configuration = new ClientBaseConfiguration(callInvoker, null);
    }

    /// <summary>What the client calls through.</summary>
    /// <exception cref="InvalidOperationException">The client was made without a channel.</exception>
    protected CallInvoker CallInvoker => _callInvoker ?? throw NoChannel();

    internal ClientBaseConfiguration Configuration
    {
        get => field ?? throw NoChannel();
    }

    private static CallInvoker InvokerOf(ChannelBase channel)
    {
        ArgumentNullException.ThrowIfNull(channel);
        return channel.CreateCallInvoker();
    }

    private static InvalidOperationException NoChannel() =>
        new("This client was made without a channel, as a test double.");
}
