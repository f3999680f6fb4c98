// SPDX-License-Identifier: BSD-3-Clause

using Google.Protobuf.Reflection;
using UdpTunnel.V1;

namespace UdpTunnel.Access;

/// <summary>The role that each method needs, read from the protos, where it stands beside the method.</summary>
internal static class MethodRoles
{
    /// <summary>All services that the daemon offers.</summary>
    public static IReadOnlyList<ServiceDescriptor> Services { get; } =
    [
        .. DaemonReflection.Descriptor.Services,
        .. EventReflection.Descriptor.Services,
        .. TunnelReflection.Descriptor.Services,
        .. RelayReflection.Descriptor.Services,
        .. Grpc.Health.V1.HealthReflection.Descriptor.Services,
        .. Grpc.Reflection.V1.ReflectionReflection.Descriptor.Services,
        .. Grpc.Reflection.V1Alpha.ReflectionReflection.Descriptor.Services,
    ];

    // Stands after Services, from which it is made.
    private static readonly Dictionary<string, (Role Role, MethodDescriptor Method)> Methods = Collect();

    /// <summary>
    /// The least role for a method; <see cref="Role.Unspecified"/>, which nobody has, for an unknown one.
    /// </summary>
    /// <param name="method">As on the wire: "/udptunnel.v1.DaemonService/GetDaemon".</param>
    public static Role Required(string method) => Find(method) ?? Role.Unspecified;

    /// <summary>The same; null for an unknown method.</summary>
    public static Role? Find(string method) => Methods.TryGetValue(method, out var known) ? known.Role : null;

    /// <summary>Whether a method takes more than one message.</summary>
    public static bool TakesStream(string method) =>
        Methods.TryGetValue(method, out var known) && known.Method.IsClientStreaming;

    /// <summary>Whether a method answers with a list, which can be long.</summary>
    public static bool Lists(string method) =>
        Methods.TryGetValue(method, out var known) && known.Method.Name.StartsWith("List", StringComparison.Ordinal);

    private static Dictionary<string, (Role Role, MethodDescriptor Method)> Collect()
    {
        var methods = new Dictionary<string, (Role Role, MethodDescriptor Method)>();
        foreach (var service in Services)
        {
            foreach (var method in service.Methods)
            {
                methods[$"/{service.FullName}/{method.Name}"] = (RoleOf(service, method), method);
            }
        }

        return methods;
    }

    private static Role RoleOf(ServiceDescriptor service, MethodDescriptor method)
    {
        // The standard services come from protos that are not ours to annotate; both only look.
        if (!service.FullName.StartsWith("udptunnel.", StringComparison.Ordinal))
        {
            return Role.Look;
        }

        return method.GetOptions()?.GetExtension(AccessExtensions.RequiredRole) ?? Role.Unspecified;
    }
}
