namespace Grpc.Core;

/// <summary>The call that an <see cref="AsyncAuthInterceptor"/> adds to.</summary>
public class AuthInterceptorContext
{
    /// <summary>Makes the context.</summary>
    /// <param name="serviceUrl">The service's URL.</param>
    /// <param name="methodName">The method's name alone.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public AuthInterceptorContext(string serviceUrl, string methodName)
        : this(serviceUrl, methodName, CancellationToken.None)
    {
    }

    /// <summary>Makes the context.</summary>
    /// <param name="serviceUrl">The service's URL.</param>
    /// <param name="methodName">The method's name alone.</param>
    /// <param name="cancellationToken">Cancelled with the call.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public AuthInterceptorContext(string serviceUrl, string methodName, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(serviceUrl);
        ArgumentNullException.ThrowIfNull(methodName);
        ServiceUrl = serviceUrl;
        MethodName = methodName;
        CancellationToken = cancellationToken;
    }

    /// <summary>The service's URL.</summary>
    public string ServiceUrl { get; }

    /// <summary>The method's name alone.</summary>
    public string MethodName { get; }

    /// <summary>Cancelled with the call.</summary>
    public CancellationToken CancellationToken { get; }
}
