namespace Grpc.Core;

/// <summary>A transport's way to learn what a <see cref="CallCredentials"/> is.</summary>
public abstract class CallCredentialsConfiguratorBase
{
    /// <summary>They are several ones together.</summary>
    /// <param name="state">From <see cref="CallCredentials.InternalPopulateConfiguration"/>.</param>
    /// <param name="credentials">The credentials in order.</param>
    public abstract void SetCompositeCredentials(object state, IReadOnlyList<CallCredentials> credentials);

    /// <summary>They are a function that adds headers.</summary>
    /// <param name="state">From <see cref="CallCredentials.InternalPopulateConfiguration"/>.</param>
    /// <param name="interceptor">The function.</param>
    public abstract void SetAsyncAuthInterceptorCredentials(object state, AsyncAuthInterceptor interceptor);
}
