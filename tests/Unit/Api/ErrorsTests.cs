// SPDX-License-Identifier: BSD-3-Clause

using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using UdpTunnel.Api;
using UdpTunnel.Hosting;
using UdpTunnel.V1;
using DiagnosticSeverity = UdpTunnel.Config.DiagnosticSeverity;
using Remark = UdpTunnel.Config.Diagnostic;
using Severity = UdpTunnel.V1.Severity;
using Status = Google.Rpc.Status;

namespace UdpTunnel.Tests.Api;

public sealed class ErrorsTests
{
    /// <summary>What many clients take at most, headers and trailers together.</summary>
    private const int MaxMetadata = 8192;

    /// <summary>The status that error.proto names in the last sentence of each reason's comment.</summary>
    private static readonly Dictionary<string, StatusCode> Statuses = new()
    {
        ["INVALID_ARGUMENT"] = StatusCode.InvalidArgument,
        ["PERMISSION_DENIED"] = StatusCode.PermissionDenied,
        ["NOT_FOUND"] = StatusCode.NotFound,
        ["ALREADY_EXISTS"] = StatusCode.AlreadyExists,
        ["FAILED_PRECONDITION"] = StatusCode.FailedPrecondition,
        ["RESOURCE_EXHAUSTED"] = StatusCode.ResourceExhausted,
        ["INTERNAL"] = StatusCode.Internal,
    };

    [Fact]
    public void Every_reason_has_the_status_that_the_proto_says()
    {
        var lines = ProtoText.Read("udptunnel/v1/error.proto");
        var seen = 0;
        for (var i = 1; i < lines.Length; i++)
        {
            if (
                lines[i].Split(' ', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                    is [['E', 'R', 'R', 'O', 'R', '_', 'R', 'E', 'A', 'S', 'O', 'N', '_', .. var name], "=", var number]
                && name != "UNSPECIFIED"
            )
            {
                var reason = (ErrorReason)
                    int.Parse(number.TrimEnd(';'), System.Globalization.CultureInfo.InvariantCulture);
                var status = lines[i - 1].TrimEnd('.').Split(' ')[^1];
                Assert.Equal((name, Statuses[status]), (name, Errors.CodeOf(reason)));
                Assert.Equal(name, Errors.NameOf(reason));
                seen++;
            }
        }

        Assert.Equal(Enum.GetValues<ErrorReason>().Length - 1, seen);
    }

    [Fact]
    public void A_fault_becomes_the_reason_of_its_name()
    {
        foreach (var fault in Enum.GetValues<Fault>())
        {
            var exception = Errors.From(new RequestException(fault, "what, and what to do"));
            var details = Details(exception);

            Assert.Equal("what, and what to do", exception.Status.Detail);
            Assert.Equal("what, and what to do", details.Message);
            Assert.Equal((int)exception.StatusCode, details.Code);
            var info = Assert.Single(details.Details).Unpack<ErrorInfo>();
            Assert.Equal("udptunnel", info.Domain);
            Assert.Equal(fault.ToString().ToUpperInvariant(), info.Reason.Replace("_", "", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Every_remark_about_a_configuration_becomes_a_diagnostic()
    {
        var exception = Errors.From(
            new RequestException([
                new Remark(DiagnosticSeverity.Error, 3, 7, "Mtu", "is wrong"),
                new Remark(DiagnosticSeverity.Warning, 0, 0, "", "is odd"),
            ])
        );

        Assert.Equal(
            [
                new Diagnostic
                {
                    Severity = Severity.Error,
                    Line = 3,
                    Column = 7,
                    Field = "Mtu",
                    Message = "is wrong",
                },
                new Diagnostic { Severity = Severity.Warning, Message = "is odd" },
            ],
            Details(exception).Details.Skip(1).Select(d => d.Unpack<Diagnostic>())
        );
        Assert.Equal(StatusCode.InvalidArgument, exception.StatusCode);
    }

    [Theory]
    [InlineData(1, 10_000)]
    [InlineData(30, 300)]
    [InlineData(101, 10)]
    [InlineData(101, 4000)]
    public void More_remarks_than_the_headers_take_are_cut_and_the_cut_is_told(int count, int length)
    {
        var exception = Errors.Exception(
            ErrorReason.InvalidConfiguration,
            "the configuration is not valid",
            Enumerable
                .Range(1, count)
                .Select(i => new Diagnostic
                {
                    Severity = i == count ? Severity.Error : Severity.Warning,
                    Line = i,
                    Message = new string('x', length),
                })
        );

        var diagnostics = Details(exception).Details.Skip(1).Select(d => d.Unpack<Diagnostic>()).ToList();
        Assert.InRange(
            exception.Trailers.Sum(t => t.Key.Length + (t.ValueBytes.Length * 4 / 3) + 4),
            1,
            MaxMetadata - 1024
        );
        var shown = diagnostics.Count - 1;
        Assert.Equal(Enumerable.Range(1, shown), diagnostics.Take(shown).Select(d => d.Line));
        Assert.Equal((0, Severity.Error), (diagnostics[^1].Line, diagnostics[^1].Severity));
        Assert.StartsWith($"{count - shown} more ", diagnostics[^1].Message, StringComparison.Ordinal);
    }

    private static Status Details(RpcException exception) =>
        Status.Parser.ParseFrom(ByteString.CopyFrom(exception.Trailers.GetValueBytes("grpc-status-details-bin")));
}
