// SPDX-License-Identifier: BSD-3-Clause

using Google.Protobuf.Reflection;
using UdpTunnel.Access;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Access;

public sealed class MethodRolesTests
{
    /// <summary>Every service of every proto that the daemon is built with, however it came to be there.</summary>
    private static readonly ServiceDescriptor[] All =
    [
        .. typeof(MethodRoles)
            .Assembly.GetTypes()
            .Select(t =>
                t.GetProperty(
                    "Descriptor",
                    System.Reflection.BindingFlags.Public | System.Reflection.BindingFlags.Static
                )
            )
            .Where(p => p?.PropertyType == typeof(FileDescriptor))
            .SelectMany(p => ((FileDescriptor)p!.GetValue(null)!).Services),
    ];

    [Fact]
    public void Every_service_of_the_protos_is_known() =>
        Assert.Equal(
            All.Select(s => s.FullName).Order(StringComparer.Ordinal),
            MethodRoles.Services.Select(s => s.FullName).Order(StringComparer.Ordinal)
        );

    [Fact]
    public void Every_method_has_a_role() =>
        Assert.All(All.SelectMany(s => s.Methods), m =>
            Assert.NotEqual(Role.Unspecified, MethodRoles.Required($"/{m.Service.FullName}/{m.Name}"))
        );

    /// <remarks>
    /// By their names, so that a method with a wrong role stands out: what lists, watches or gets looks; everything
    /// else operates.
    /// </remarks>
    [Fact]
    public void Methods_that_change_something_need_to_operate()
    {
        foreach (var method in All.Where(s => s.File.Package == "udptunnel.v1").SelectMany(s => s.Methods))
        {
            var expected = method.Name switch
            {
                "WhoAmI" => Role.Connect,
                ['L', 'i', 's', 't', ..] or ['W', 'a', 't', 'c', 'h', ..] or ['G', 'e', 't', ..] => Role.Look,
                _ => Role.Operate,
            };
            Assert.Equal(
                (method.FullName, expected),
                (method.FullName, MethodRoles.Required($"/{method.Service.FullName}/{method.Name}"))
            );
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("udptunnel.v1.DaemonService/WhoAmI")]
    [InlineData("/udptunnel.v1.DaemonService/whoami")]
    [InlineData("/udptunnel.v1.DaemonService/WhoAmI/")]
    [InlineData("/udptunnel.v2.DaemonService/WhoAmI")]
    public void A_method_that_nobody_knows_is_for_nobody(string method) =>
        Assert.Equal(Role.Unspecified, MethodRoles.Required(method));
}
