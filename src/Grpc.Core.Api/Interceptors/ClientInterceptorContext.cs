namespace Grpc.Core.Interceptors;

/// <summary>A client's call on its way through the interceptors.</summary>
/// <typeparam name="TRequest">The request's type.</typeparam>
/// <typeparam name="TResponse">The response's type.</typeparam>
public struct ClientInterceptorContext<TRequest, TResponse>
    where TRequest : class
    where TResponse : class
{
    /// <summary>Makes a context; an interceptor does so to change the options of a call.</summary>
    /// <param name="method">The method.</param>
    /// <param name="host">The authority to send instead of the channel's, or null.</param>
    /// <param name="options">The call's settings.</param>
    public ClientInterceptorContext(Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        Method = method;
        Host = host;
        Options = options;
    }

    /// <summary>The method.</summary>
    public Method<TRequest, TResponse> Method { get; }

    /// <summary>The authority to send instead of the channel's, or null.</summary>
    public string? Host { get; }

    /// <summary>The call's settings.</summary>
    public CallOptions Options { get; }
}
