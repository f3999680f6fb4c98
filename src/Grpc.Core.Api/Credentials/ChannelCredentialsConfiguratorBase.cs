namespace Grpc.Core;

/// <summary>A transport's way to learn what a <see cref="ChannelCredentials"/> is.</summary>
public abstract class ChannelCredentialsConfiguratorBase
{
    /// <summary>They are none.</summary>
    /// <param name="state">From <see cref="ChannelCredentials.InternalPopulateConfiguration"/>.</param>
    public abstract void SetInsecureCredentials(object state);

    /// <summary>They are TLS.</summary>
    /// <param name="state">From <see cref="ChannelCredentials.InternalPopulateConfiguration"/>.</param>
    /// <param name="rootCertificates">The trusted authorities in PEM; null for those of the machine.</param>
    /// <param name="keyCertificatePair">The client's certificate, or null.</param>
    /// <param name="verifyPeerCallback">An additional check of the server, or null.</param>
    public abstract void SetSslCredentials(
        object state,
        string? rootCertificates,
        KeyCertificatePair? keyCertificatePair,
        VerifyPeerCallback? verifyPeerCallback);

    /// <summary>They are those of a channel and those of every call on it.</summary>
    /// <param name="state">From <see cref="ChannelCredentials.InternalPopulateConfiguration"/>.</param>
    /// <param name="channelCredentials">How the channel is secured.</param>
    /// <param name="callCredentials">What each call carries.</param>
    public abstract void SetCompositeCredentials(
        object state, ChannelCredentials channelCredentials, CallCredentials callCredentials);
}
