namespace Grpc.Core;

/// <summary>What proves the caller's identity in one call.</summary>
public abstract class CallCredentials
{
    /// <summary>Makes credentials that are several ones together.</summary>
    /// <param name="credentials">At least two; their headers are added in this order.</param>
    /// <returns>The credentials.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">There are fewer than two.</exception>
    public static CallCredentials Compose(params CallCredentials[] credentials)
    {
        ArgumentNullException.ThrowIfNull(credentials);
        return new CompositeCallCredentials(credentials);
    }

    /// <summary>Makes credentials from a function that adds headers.</summary>
    /// <param name="interceptor">The function.</param>
    /// <returns>The credentials.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="interceptor"/> is null.</exception>
    public static CallCredentials FromInterceptor(AsyncAuthInterceptor interceptor)
    {
        ArgumentNullException.ThrowIfNull(interceptor);
        return new InterceptorCallCredentials(interceptor);
    }

    /// <summary>
    /// Tells a transport what these credentials are, by calling the method of the configurator that fits.
    /// </summary>
    /// <param name="configurator">The transport's configurator.</param>
    /// <param name="state">Handed on to the configurator.</param>
    public abstract void InternalPopulateConfiguration(CallCredentialsConfiguratorBase configurator, object state);
}
