using Grpc.Core;

namespace Grpc.Tests.Unit;

/// <summary>Status and the exception that carries it.</summary>
public sealed class StatusTests
{
    [Fact]
    public void The_codes_have_the_numbers_of_the_specification()
    {
        Assert.Equal(Enumerable.Range(0, 17), Enum.GetValues<StatusCode>().Select(code => (int)code));
        Assert.Equal(4, (int)StatusCode.DeadlineExceeded);
        Assert.Equal(8, (int)StatusCode.ResourceExhausted);
        Assert.Equal(14, (int)StatusCode.Unavailable);
        Assert.Equal(16, (int)StatusCode.Unauthenticated);
    }

    [Fact]
    public void The_ready_made_states_have_their_codes_and_no_text()
    {
        Assert.Equal((StatusCode.OK, ""), (Status.DefaultSuccess.StatusCode, Status.DefaultSuccess.Detail));
        Assert.Equal((StatusCode.Cancelled, ""), (Status.DefaultCancelled.StatusCode, Status.DefaultCancelled.Detail));
    }

    [Fact]
    public void A_status_shows_its_code_its_text_and_the_exception_behind_it()
    {
        Assert.Equal(
            "Status(StatusCode=\"NotFound\", Detail=\"no tunnel\")",
            new Status(StatusCode.NotFound, "no tunnel").ToString());

        var text = new Status(StatusCode.Internal, "x", new IOException("disk full")).ToString();
        Assert.Contains("System.IO.IOException: disk full", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Equal_states_are_equal()
    {
        Assert.Equal(new Status(StatusCode.NotFound, "a"), new Status(StatusCode.NotFound, "a"));
        Assert.NotEqual(new Status(StatusCode.NotFound, "a"), new Status(StatusCode.NotFound, "b"));
    }

    [Fact]
    public void An_exception_takes_message_code_and_cause_from_the_status()
    {
        var cause = new IOException("disk full");
        var status = new Status(StatusCode.Internal, "x", cause);

        var exception = new RpcException(status);

        Assert.Equal(status.ToString(), exception.Message);
        Assert.Equal(StatusCode.Internal, exception.StatusCode);
        Assert.Same(cause, exception.InnerException);
        Assert.Empty(exception.Trailers);
    }

    [Fact]
    public void An_exception_keeps_its_own_message_and_trailers()
    {
        var status = new Status(StatusCode.Internal, "x");
        var trailers = new Metadata { { "a", "1" } };

        Assert.Equal("mine", new RpcException(status, "mine").Message);
        Assert.Same(trailers, new RpcException(status, trailers).Trailers);
        Assert.Equal("mine", new RpcException(status, trailers, "mine").Message);
        Assert.Throws<ArgumentNullException>(() => new RpcException(status, (Metadata)null!));
    }
}
