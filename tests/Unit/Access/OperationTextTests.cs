// SPDX-License-Identifier: BSD-3-Clause

using Google.Protobuf;
using Google.Protobuf.Reflection;
using UdpTunnel.Access;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Access;

public sealed class OperationTextTests
{
    private static readonly MethodDescriptor[] Operations =
    [
        .. MethodRoles
            .Services.SelectMany(s => s.Methods)
            .Where(m => MethodRoles.Required($"/{m.Service.FullName}/{m.Name}") == Role.Operate),
    ];

    [Fact]
    public void Every_operation_says_whom_it_is_about_and_no_secret()
    {
        Assert.NotEmpty(Operations);
        foreach (var method in Operations)
        {
            var request = method.InputType.Parser.ParseFrom(ByteString.Empty);
            foreach (
                var field in method
                    .InputType.Fields.InDeclarationOrder()
                    .Where(f => f.FieldType == FieldType.String && !f.IsRepeated)
            )
            {
                field.Accessor.SetValue(request, field.Name == "configuration" ? "secret" : $"the {field.Name}");
            }

            var text = OperationText.Of(request);

            Assert.DoesNotContain("secret", text, StringComparison.Ordinal);
            foreach (
                var field in method
                    .InputType.Fields.InDeclarationOrder()
                    .Where(f => f.FieldType == FieldType.String && !f.IsRepeated && f.Name != "configuration")
            )
            {
                Assert.Contains($" \"the {field.Name}\"", text, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void What_a_caller_sends_is_short_and_on_one_line()
    {
        var name = OperationText.Of(new StopTunnelRequest { Name = "a\n\u001b[2J\u202e" + new string('x', 1_000_000) });
        var ports = OperationText.Of(
            new UpdatePortsRequest
            {
                Name = "t",
                Allow =
                {
                    Enumerable.Range(1, 50_000).Select(i => new PortRange { First = (uint)i, Last = uint.MaxValue }),
                },
            }
        );

        Assert.InRange(name.Length, 1, 200);
        Assert.DoesNotContain(name, char.IsControl);
        Assert.DoesNotContain('\u202e', name);
        Assert.InRange(ports.Length, 1, 300);
        Assert.EndsWith(" and 49992 more", ports, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, false, " \"t\"")]
    [InlineData(false, true, " \"t\" may restart")]
    [InlineData(true, true, " \"t\" dry run")]
    public void A_reload_says_how_far_it_may_go(bool dryRun, bool allowRestart, string text) =>
        Assert.Equal(
            text,
            OperationText.Of(
                new ReloadTunnelRequest
                {
                    Name = "t",
                    DryRun = dryRun,
                    AllowRestart = allowRestart,
                }
            )
        );

    [Fact]
    public void Ports_are_told() =>
        Assert.Equal(
            " \"t\" allow 80, 8000-8010 deny 22",
            OperationText.Of(
                new UpdatePortsRequest
                {
                    Name = "t",
                    Allow =
                    {
                        new PortRange { First = 80, Last = 80 },
                        new PortRange { First = 8000, Last = 8010 },
                    },
                    Deny =
                    {
                        new PortRange { First = 22, Last = 22 },
                    },
                }
            )
        );
}
