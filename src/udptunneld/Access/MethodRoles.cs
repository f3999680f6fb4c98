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
    private static readonly Dictionary<string, Role> Roles = Collect();

    /// <summary>The least role for a method; <see cref="Role.Unspecified"/>, which nobody has, for an unknown one.</summary>
    /// <param name="method">As on the wire: "/udptunnel.v1.DaemonService/GetDaemon".</param>
    public static Role Required(string method) => Roles.GetValueOrDefault(method);

    private static Dictionary<string, Role> Collect()
    {
        var roles = new Dictionary<string, Role>();
        foreach (var service in Services)
        {
            foreach (var method in service.Methods)
            {
                roles[$"/{service.FullName}/{method.Name}"] = RoleOf(service, method);
            }
        }

        return roles;
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
