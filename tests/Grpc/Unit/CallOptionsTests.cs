using Grpc.Core;

namespace Grpc.Tests.Unit;

/// <summary>The settings of a call.</summary>
public sealed class CallOptionsTests
{
    [Fact]
    public void The_default_options_set_nothing()
    {
        var options = default(CallOptions);

        Assert.Null(options.Headers);
        Assert.Null(options.Deadline);
        Assert.Equal(CancellationToken.None, options.CancellationToken);
        Assert.Null(options.WriteOptions);
        Assert.Null(options.PropagationToken);
        Assert.Null(options.Credentials);
        Assert.False(options.IsWaitForReady);
    }

    [Fact]
    public void Each_With_method_changes_its_own_setting_of_a_copy()
    {
        using var source = new CancellationTokenSource();
        var headers = new Metadata();
        var deadline = new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc);
        var writeOptions = new WriteOptions(WriteFlags.NoCompress);
        var credentials = CallCredentials.FromInterceptor((_, _) => Task.CompletedTask);
        var original = default(CallOptions);

        var changed = original
            .WithHeaders(headers)
            .WithDeadline(deadline)
            .WithCancellationToken(source.Token)
            .WithWriteOptions(writeOptions)
            .WithCredentials(credentials)
            .WithWaitForReady();

        Assert.Same(headers, changed.Headers);
        Assert.Equal(deadline, changed.Deadline);
        Assert.Equal(source.Token, changed.CancellationToken);
        Assert.Equal(WriteFlags.NoCompress, changed.WriteOptions?.Flags);
        Assert.Same(credentials, changed.Credentials);
        Assert.True(changed.IsWaitForReady);
        Assert.False(changed.WithWaitForReady(false).IsWaitForReady);
        Assert.Null(original.Headers);
    }

    [Fact]
    public void The_constructor_takes_the_settings_in_the_order_of_the_public_API()
    {
        using var source = new CancellationTokenSource();
        var (headers, deadline, writeOptions) = (new Metadata(), DateTime.UnixEpoch, new WriteOptions());

        var options = new CallOptions(headers, deadline, source.Token, writeOptions, null, null);

        Assert.Same(headers, options.Headers);
        Assert.Equal(deadline, options.Deadline);
        Assert.Equal(source.Token, options.CancellationToken);
        Assert.Same(writeOptions, options.WriteOptions);
    }
}
