// SPDX-License-Identifier: BSD-3-Clause

using System.Reflection;
using Google.Protobuf.Reflection;

namespace UdpTunnel.Tests.Api;

/// <summary>
/// All services of all protos, found in the code generated from them, so that a new one is in each test that walks
/// them.
/// </summary>
internal static class ServiceDescriptors
{
    /// <summary>The services, by name.</summary>
    public static IReadOnlyList<ServiceDescriptor> All { get; } =
    [
        .. typeof(ServiceDescriptors)
            .Assembly.GetTypes()
            .Select(t => t.GetProperty("Descriptor", BindingFlags.Public | BindingFlags.Static))
            .Where(p => p?.PropertyType == typeof(FileDescriptor))
            .SelectMany(p => ((FileDescriptor)p!.GetValue(null)!).Services)
            .OrderBy(s => s.FullName, StringComparer.Ordinal),
    ];
}
