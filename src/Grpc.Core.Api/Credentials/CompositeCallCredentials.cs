namespace Grpc.Core;

/// <summary>Several call credentials together.</summary>
internal sealed class CompositeCallCredentials : CallCredentials
{
    private readonly CallCredentials[] _credentials;

    public CompositeCallCredentials(CallCredentials[] credentials)
    {
        if (credentials.Length < 2)
        {
            throw new ArgumentException("At least two credentials are needed.", nameof(credentials));
        }

        foreach (var credential in credentials)
        {
            ArgumentNullException.ThrowIfNull(credential, nameof(credentials));
        }

        _credentials = [.. credentials];
    }

    public override void InternalPopulateConfiguration(CallCredentialsConfiguratorBase configurator, object state) =>
        configurator.SetCompositeCredentials(state, _credentials);
}
