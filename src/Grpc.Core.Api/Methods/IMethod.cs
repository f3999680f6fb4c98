namespace Grpc.Core;

/// <summary>A method of a service without its message types.</summary>
public interface IMethod
{
    /// <summary>Which sides send a stream.</summary>
    MethodType Type { get; }

    /// <summary>The service's name with its package, such as <c>udptunnel.v1.Tunnels</c>.</summary>
    string ServiceName { get; }

    /// <summary>The method's name alone.</summary>
    string Name { get; }

    /// <summary>The path of the HTTP/2 request: <c>/service/method</c>.</summary>
    string FullName { get; }
}
