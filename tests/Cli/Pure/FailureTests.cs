// SPDX-License-Identifier: BSD-3-Clause

using System.Net.Sockets;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using UdpTunnel.Cli;
using UdpTunnel.Cli.Daemon;
using UdpTunnel.Cli.Failures;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli;

public sealed class FailureTests
{
    private static readonly ServiceManager Service = new(_ => false);

    [Theory]
    [InlineData(StatusCode.InvalidArgument, "", 2)]
    [InlineData(StatusCode.Unavailable, "", 3)]
    [InlineData(StatusCode.PermissionDenied, "", 4)]
    [InlineData(StatusCode.NotFound, "", 5)]
    [InlineData(StatusCode.DeadlineExceeded, "", 6)]
    [InlineData(StatusCode.Internal, "", 1)]
    [InlineData(StatusCode.AlreadyExists, "NAME_TAKEN", 1)]
    [InlineData(StatusCode.FailedPrecondition, "TUN_UNAVAILABLE", 1)]
    [InlineData(StatusCode.Unknown, "ROLE_REQUIRED", 4)]
    [InlineData(StatusCode.Unknown, "NO_SUCH_TUNNEL", 5)]
    [InlineData(StatusCode.FailedPrecondition, "INVALID_CONFIGURATION", 2)]
    [InlineData(StatusCode.NotFound, "A_REASON_OF_TOMORROW", 5)]
    public void The_reason_decides_the_exit_code_where_there_is_one(StatusCode status, string reason, int exitCode) =>
        Assert.Equal((ExitCode)exitCode, RpcFailure.ExitCodeOf(status, reason));

    [Fact]
    public void Every_reason_of_the_contract_gives_an_exit_code_and_its_own_word()
    {
        foreach (var value in ErrorReflection.Descriptor.EnumTypes.Single(e => e.Name == "ErrorReason").Values.Skip(1))
        {
            var reason = value.Name["ERROR_REASON_".Length..];
            var failure = RpcFailure.Translate(Failed(StatusCode.Unknown, "it is so", Info(reason)), "/s", Service);

            Assert.NotEqual(ExitCode.Done, failure.ExitCode);
            Assert.Equal(reason.ToLowerInvariant(), failure.Reason);
            Assert.Equal("it is so", failure.Message);
        }
    }

    [Theory]
    [InlineData(true, true, "sudo systemctl start udptunneld", "journalctl")]
    [InlineData(true, false, "sudo udptunneld", "where it was started")]
    [InlineData(false, true, "sudo udptunneld", "where it was started")]
    public void Advice_names_systemd_only_where_it_runs_and_knows_the_daemon(
        bool booted,
        bool unit,
        string start,
        string why
    )
    {
        var service = new ServiceManager(path =>
            path switch
            {
                "/run/systemd/system" => booted,
                "/usr/lib/systemd/system/udptunneld.service" => unit,
                _ => false,
            }
        );

        var missing = ConnectFailure.Translate(
            new SocketException((int)SocketError.AddressNotAvailable),
            "/run/x",
            service
        );
        var gone = RpcFailure.Translate(Failed(StatusCode.Unavailable, "x", Info("")), "/s", service);

        Assert.Contains(start, missing.Advice, StringComparison.Ordinal);
        Assert.Contains(why, gone.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void Diagnostics_come_with_the_failure()
    {
        var diagnostic = new Diagnostic
        {
            Line = 4,
            Column = 18,
            Field = "AllowedPorts[1]",
            Message = "70000 is not a port",
        };
        var exception = Failed(
            StatusCode.InvalidArgument,
            "bad",
            Info("INVALID_CONFIGURATION"),
            new Any { TypeUrl = "type.googleapis.com/udptunnel.v1.Diagnostic", Value = diagnostic.ToByteString() }
        );

        Assert.Equal([diagnostic], RpcFailure.Translate(exception, "/s", Service, "c.json").Diagnostics);
    }

    [Fact]
    public void The_reason_of_another_domain_is_not_ours()
    {
        var foreign = new Google.Rpc.ErrorInfo { Domain = "example.com", Reason = "NO_SUCH_TUNNEL" };
        var exception = Failed(
            StatusCode.Internal,
            "x",
            new Any { TypeUrl = "type.googleapis.com/google.rpc.ErrorInfo", Value = foreign.ToByteString() }
        );

        Assert.Equal("internal", RpcFailure.Translate(exception, "/s", Service).Reason);
    }

    [Fact]
    public void Details_that_cannot_be_read_do_no_harm() =>
        Property.ForAll<byte[]>(bytes =>
        {
            var exception = new RpcException(
                new Status(StatusCode.Internal, "x"),
                new Metadata { { "grpc-status-details-bin", bytes ?? [] } }
            );
            return RpcFailure.Translate(exception, "/s", Service).ExitCode == ExitCode.Failed;
        });

    [Theory]
    [InlineData(SocketError.AddressNotAvailable, 3, "udptunneld is not running (no socket at /run/x)")]
    [InlineData(SocketError.AccessDenied, 4, "you may not open /run/x: it belongs to root and the group udptunnel")]
    [InlineData(SocketError.ConnectionRefused, 3, "nobody answers at /run/x: the daemon has ended and left its socket")]
    [InlineData(SocketError.WouldBlock, 6, "udptunneld at /run/x takes no connections at the moment")]
    public void Each_way_not_to_connect_has_its_sentence(SocketError error, int exitCode, string message)
    {
        var failure = ConnectFailure.Translate(new SocketException((int)error), "/run/x", Service);

        Assert.Equal((ExitCode)exitCode, failure.ExitCode);
        Assert.Equal(message, failure.Message);
        Assert.NotNull(failure.Advice);
    }

    private static Any Info(string reason) =>
        new()
        {
            TypeUrl = "type.googleapis.com/google.rpc.ErrorInfo",
            Value = new Google.Rpc.ErrorInfo { Domain = "udptunnel", Reason = reason }.ToByteString(),
        };

    private static RpcException Failed(StatusCode code, string message, params Any[] details)
    {
        var status = new Google.Rpc.Status
        {
            Code = (int)code,
            Message = message,
            Details = { details },
        };
        return new RpcException(
            new Status(code, message),
            new Metadata { { "grpc-status-details-bin", status.ToByteArray() } }
        );
    }
}
