namespace Grpc.Core;

/// <summary>Call credentials that a function adds.</summary>
internal sealed class InterceptorCallCredentials(AsyncAuthInterceptor interceptor) : CallCredentials
{
    public override void InternalPopulateConfiguration(CallCredentialsConfiguratorBase configurator, object state) =>
        configurator.SetAsyncAuthInterceptorCredentials(state, interceptor);
}
