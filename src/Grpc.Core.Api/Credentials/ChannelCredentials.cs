namespace Grpc.Core;

/// <summary>How a channel is secured.</summary>
public abstract class ChannelCredentials
{
    /// <summary>Not at all: for a Unix socket, whose file permissions guard it, or a trusted network.</summary>
    public static ChannelCredentials Insecure { get; } = new InsecureCredentials();

    /// <summary>By TLS, with the certificate authorities that the machine trusts.</summary>
    public static ChannelCredentials SecureSsl { get; } = new SslCredentials();

    /// <summary>Adds credentials to every call of a channel.</summary>
    /// <remarks>
    /// Without TLS, Grpc.Net.Client takes them only with its option <c>UnsafeUseInsecureChannelCallCredentials</c>.
    /// </remarks>
    /// <param name="channelCredentials">How the channel is secured.</param>
    /// <param name="callCredentials">What each call carries.</param>
    /// <returns>The credentials.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public static ChannelCredentials Create(ChannelCredentials channelCredentials, CallCredentials callCredentials) =>
        new CompositeChannelCredentials(channelCredentials, callCredentials);

    /// <summary>
    /// Tells a transport what these credentials are, by calling the method of the configurator that fits.
    /// </summary>
    /// <param name="configurator">The transport's configurator.</param>
    /// <param name="state">Handed on to the configurator.</param>
    public abstract void InternalPopulateConfiguration(ChannelCredentialsConfiguratorBase configurator, object state);
}
