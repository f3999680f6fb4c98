namespace Grpc.Core;

public sealed partial class ServerServiceDefinition
{
    /// <summary>Collects the methods of a service.</summary>
    public sealed class Builder
    {
        private readonly List<Action<ServiceBinderBase>> _bindings = [];
        private readonly HashSet<string> _names = [];

        /// <summary>Adds a method with one request and one response.</summary>
        /// <typeparam name="TRequest">The request's type.</typeparam>
        /// <typeparam name="TResponse">The response's type.</typeparam>
        /// <param name="method">The method.</param>
        /// <param name="handler">Runs it.</param>
        /// <returns>This builder.</returns>
        /// <exception cref="ArgumentNullException">An argument is null.</exception>
        /// <exception cref="ArgumentException">A method of this name was added before.</exception>
        public Builder AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse> handler)
            where TRequest : class
            where TResponse : class
        {
            ArgumentNullException.ThrowIfNull(handler);
            return Add(method, binder => binder.AddMethod(method, handler));
        }

        /// <summary>Adds a method with a stream of requests and one response.</summary>
        /// <typeparam name="TRequest">The request's type.</typeparam>
        /// <typeparam name="TResponse">The response's type.</typeparam>
        /// <param name="method">The method.</param>
        /// <param name="handler">Runs it.</param>
        /// <returns>This builder.</returns>
        /// <exception cref="ArgumentNullException">An argument is null.</exception>
        /// <exception cref="ArgumentException">A method of this name was added before.</exception>
        public Builder AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse> handler)
            where TRequest : class
            where TResponse : class
        {
            ArgumentNullException.ThrowIfNull(handler);
            return Add(method, binder => binder.AddMethod(method, handler));
        }

        /// <summary>Adds a method with one request and a stream of responses.</summary>
        /// <typeparam name="TRequest">The request's type.</typeparam>
        /// <typeparam name="TResponse">The response's type.</typeparam>
        /// <param name="method">The method.</param>
        /// <param name="handler">Runs it.</param>
        /// <returns>This builder.</returns>
        /// <exception cref="ArgumentNullException">An argument is null.</exception>
        /// <exception cref="ArgumentException">A method of this name was added before.</exception>
        public Builder AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse> handler)
            where TRequest : class
            where TResponse : class
        {
            ArgumentNullException.ThrowIfNull(handler);
            return Add(method, binder => binder.AddMethod(method, handler));
        }

        /// <summary>Adds a method with a stream in each direction.</summary>
        /// <typeparam name="TRequest">The request's type.</typeparam>
        /// <typeparam name="TResponse">The response's type.</typeparam>
        /// <param name="method">The method.</param>
        /// <param name="handler">Runs it.</param>
        /// <returns>This builder.</returns>
        /// <exception cref="ArgumentNullException">An argument is null.</exception>
        /// <exception cref="ArgumentException">A method of this name was added before.</exception>
        public Builder AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse> handler)
            where TRequest : class
            where TResponse : class
        {
            ArgumentNullException.ThrowIfNull(handler);
            return Add(method, binder => binder.AddMethod(method, handler));
        }

        /// <summary>Ends the collection.</summary>
        /// <returns>The definition.</returns>
        public ServerServiceDefinition Build() => new([.. _bindings]);

        private Builder Add(IMethod method, Action<ServiceBinderBase> binding)
        {
            ArgumentNullException.ThrowIfNull(method);
            if (!_names.Add(method.FullName))
            {
                throw new ArgumentException($"The method {method.FullName} was added before.", nameof(method));
            }

            _bindings.Add(binding);
            return this;
        }
    }
}
