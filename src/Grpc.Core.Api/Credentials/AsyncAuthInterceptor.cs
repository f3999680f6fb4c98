namespace Grpc.Core;

/// <summary>Adds what proves the caller's identity, such as a token, to the headers of a call.</summary>
/// <param name="context">The call.</param>
/// <param name="metadata">The headers to add to.</param>
/// <returns>Ends when they are added.</returns>
public delegate Task AsyncAuthInterceptor(AuthInterceptorContext context, Metadata metadata);
