namespace Grpc.Core;

/// <summary>A service's methods with the code that runs them.</summary>
public sealed partial class ServerServiceDefinition
{
    private readonly Action<ServiceBinderBase>[] _bindings;

    private ServerServiceDefinition(Action<ServiceBinderBase>[] bindings) => _bindings = bindings;

    /// <summary>Starts a definition.</summary>
    /// <returns>The builder.</returns>
    public static Builder CreateBuilder() => new();

    /// <summary>Hands every method to a binder, in the order in which they were added.</summary>
    /// <param name="serviceBinder">The binder.</param>
    /// <exception cref="ArgumentNullException"><paramref name="serviceBinder"/> is null.</exception>
    public void BindService(ServiceBinderBase serviceBinder)
    {
        ArgumentNullException.ThrowIfNull(serviceBinder);
        foreach (var binding in _bindings)
        {
            binding(serviceBinder);
        }
    }
}
