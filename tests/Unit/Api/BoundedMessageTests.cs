// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers.Binary;
using System.IO.Pipelines;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using UdpTunnel.Api;

namespace UdpTunnel.Tests.Api;

public sealed class BoundedMessageTests
{
    private const int Longest = 1000;

    private readonly Pipe _pipe = new();
    private readonly FakeTimeProvider _time = new();
    private long _taken;
    private long _room = long.MaxValue;

    [Fact]
    public async Task A_message_takes_room_for_its_length_until_the_call_ends()
    {
        var body = Reader(isStream: false);
        await WriteAsync(Message(300));
        var read = await body.ReadAsync(TestContext.Current.CancellationToken);
        body.AdvanceTo(read.Buffer.End);

        Assert.Equal(300, _taken);
        body.Dispose();
        Assert.Equal(0, _taken);
        body.Dispose();
        Assert.Equal(0, _taken);
    }

    [Fact]
    public async Task A_message_that_is_too_long_is_refused_by_its_first_five_bytes()
    {
        var body = Reader(isStream: false);
        await WriteAsync(Message(Longest + 1).AsMemory(0, 5));

        var refusal = await Assert.ThrowsAsync<RpcException>(async () =>
            await body.ReadAsync(TestContext.Current.CancellationToken)
        );
        Assert.Equal(StatusCode.ResourceExhausted, refusal.StatusCode);
        Assert.Equal(0, _taken);
    }

    [Fact]
    public async Task A_compressed_message_takes_room_for_the_most_that_it_may_unpack_to()
    {
        using var body = Reader(isStream: false);
        var message = Message(20);
        message[0] = 1;
        await WriteAsync(message);
        _ = await body.ReadAsync(TestContext.Current.CancellationToken);

        Assert.Equal(RequestGate.MaxMessage, _taken);
    }

    [Fact]
    public async Task A_message_without_room_is_refused_and_takes_none()
    {
        using var body = Reader(isStream: false);
        _room = 299;
        await WriteAsync(Message(300));

        var refusal = await Assert.ThrowsAsync<RpcException>(async () =>
            await body.ReadAsync(TestContext.Current.CancellationToken)
        );
        Assert.Equal(StatusCode.ResourceExhausted, refusal.StatusCode);
        Assert.Equal(0, _taken);
    }

    [Fact]
    public async Task A_message_that_begins_and_does_not_end_is_given_up_after_five_seconds()
    {
        using var body = Reader(isStream: false);
        await WriteAsync(Message(300).AsMemory(0, 100));
        var first = await body.ReadAsync(TestContext.Current.CancellationToken);
        body.AdvanceTo(first.Buffer.Start, first.Buffer.End);
        var reading = body.ReadAsync(TestContext.Current.CancellationToken).AsTask();

        _time.Advance(TimeSpan.FromSeconds(4.9));
        Assert.False(reading.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(0.2));
        var end = await Assert.ThrowsAsync<RpcException>(() => reading);
        Assert.Equal(StatusCode.DeadlineExceeded, end.StatusCode);
    }

    [Fact]
    public async Task A_byte_a_second_does_not_buy_a_message_more_time()
    {
        using var body = Reader(isStream: false);
        var message = Message(300);
        for (var i = 0; i < 5; i++)
        {
            await WriteAsync(message.AsMemory(i, 1));
            var came = await body.ReadAsync(TestContext.Current.CancellationToken);
            body.AdvanceTo(came.Buffer.Start, came.Buffer.End);
            _time.Advance(TimeSpan.FromSeconds(0.9));
        }

        var reading = body.ReadAsync(TestContext.Current.CancellationToken).AsTask();
        Assert.False(reading.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(0.6));
        await Assert.ThrowsAsync<RpcException>(() => reading);
    }

    [Fact]
    public async Task Messages_of_a_stream_may_be_apart_for_any_time_and_each_gives_its_room_back()
    {
        using var body = Reader(isStream: true);
        for (var i = 1; i <= 3; i++)
        {
            var reading = body.ReadAsync(TestContext.Current.CancellationToken).AsTask();
            _time.Advance(TimeSpan.FromHours(1));
            Assert.False(reading.IsCompleted);
            await WriteAsync(Message(100 * i));
            var read = await reading;
            Assert.Equal(100 * i, _taken);
            body.AdvanceTo(read.Buffer.End);
            Assert.Equal(0, _taken);
        }
    }

    [Fact]
    public async Task A_message_of_a_stream_that_has_begun_has_five_seconds_as_well()
    {
        using var body = Reader(isStream: true);
        await WriteAsync(Message(300).AsMemory(0, 7));
        var first = await body.ReadAsync(TestContext.Current.CancellationToken);
        body.AdvanceTo(first.Buffer.Start, first.Buffer.End);
        var reading = body.ReadAsync(TestContext.Current.CancellationToken).AsTask();

        _time.Advance(TimeSpan.FromSeconds(5.1));
        var end = await Assert.ThrowsAsync<RpcException>(() => reading);
        Assert.Equal(StatusCode.DeadlineExceeded, end.StatusCode);
    }

    private static byte[] Message(int length)
    {
        var message = new byte[5 + length];
        BinaryPrimitives.WriteInt32BigEndian(message.AsSpan(1), length);
        return message;
    }

    private BoundedMessage Reader(bool isStream) =>
        new(_pipe.Reader, Longest, isStream, _time, new BoundedMessage.Budget(TryTake, given => _taken -= given));

    private bool TryTake(long bytes)
    {
        if (bytes > _room)
        {
            return false;
        }

        _taken += bytes;
        return true;
    }

    private async Task WriteAsync(ReadOnlyMemory<byte> bytes) =>
        await _pipe.Writer.WriteAsync(bytes, TestContext.Current.CancellationToken);
}
