// SPDX-License-Identifier: BSD-3-Clause

using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Grpc.Core;
using Microsoft.AspNetCore.Http.Features;
using UdpTunnel.V1;

namespace UdpTunnel.Api;

/// <summary>
/// The body of a request on its way to gRPC, which would gather a message of any pace: a message that is too long, or
/// has no room among those that are being read, is refused when its length is known, and one that does not come to its
/// end in time ends the call.
/// <code>
///  0            1                           5
///  +------------+---------------------------+-------- …
///  | compressed | length of the message u32 | message          network byte order (gRPC over HTTP/2)
///  +------------+---------------------------+-------- …
/// </code>
/// </summary>
/// <param name="body">The body.</param>
/// <param name="longest">The largest message, in bytes.</param>
/// <param name="isStream">Whether the method takes a stream of messages, which may be apart for any time.</param>
/// <param name="time">The clock.</param>
/// <param name="budget">Room for messages.</param>
internal sealed class BoundedMessage(
    PipeReader body,
    int longest,
    bool isStream,
    TimeProvider time,
    BoundedMessage.Budget budget
) : PipeReader, IRequestBodyPipeFeature, IDisposable
{
    private const int PrefixLength = 5;

    /// <summary>A message that begins has to end within this time.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private ReadOnlySequence<byte> _buffer;
    private long _begun = isStream ? 0 : time.GetTimestamp();
    private bool _isTimed = !isStream;
    private bool _isMeasured;
    private long _held;

    /// <inheritdoc/>
    public PipeReader Reader => this;

    /// <inheritdoc/>
    public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        ReadResult result;
        if (!_isTimed)
        {
            result = await body.ReadAsync(cancellationToken);
        }
        else if (!body.TryRead(out result))
        {
            result = await ReadInTimeAsync(cancellationToken);
        }

        OnRead(result);
        return result;
    }

    /// <inheritdoc/>
    public override bool TryRead(out ReadResult result)
    {
        if (!body.TryRead(out result))
        {
            return false;
        }

        OnRead(result);
        return true;
    }

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        var left = _buffer.Slice(consumed);
        if (left.Length < _buffer.Length)
        {
            // gRPC takes whole messages. The one of a single request is in use until the call ends.
            _isMeasured = false;
            if (isStream)
            {
                Release();
                _isTimed = false;
            }
        }

        if (isStream && !left.IsEmpty && !_isTimed)
        {
            _isTimed = true;
            _begun = time.GetTimestamp();
        }

        body.AdvanceTo(consumed, examined);
    }

    /// <inheritdoc/>
    public override void CancelPendingRead() => body.CancelPendingRead();

    /// <inheritdoc/>
    public override void Complete(Exception? exception = null) => body.Complete(exception);

    /// <summary>The call has ended.</summary>
    public void Dispose() => Release();

    private async ValueTask<ReadResult> ReadInTimeAsync(CancellationToken cancellationToken)
    {
        var left = Patience - time.GetElapsedTime(_begun);
        using var deadline = new CancellationTokenSource(left > TimeSpan.Zero ? left : TimeSpan.Zero, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            return await body.ReadAsync(either.Token);
        }
        catch (OperationCanceledException)
            when (deadline.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new RpcException(
                new Status(
                    StatusCode.DeadlineExceeded,
                    $"the message did not come to its end within {Patience.TotalSeconds} s"
                )
            );
        }
    }

    private void OnRead(ReadResult result)
    {
        _buffer = result.Buffer;
        _isTimed &= !result.IsCompleted;
        if (!_isMeasured && _buffer.Length >= PrefixLength)
        {
            _isMeasured = true;
            Measure();
        }
    }

    private void Measure()
    {
        Span<byte> prefix = stackalloc byte[PrefixLength];
        _buffer.Slice(0, PrefixLength).CopyTo(prefix);
        var length = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
        if (length > longest)
        {
            throw Refusal($"the message has {length} bytes, and {longest} are the most for this method");
        }

        // What it unpacks to is not known, and gRPC bounds it by the largest message of all.
        var room = prefix[0] == 0 ? length : RequestGate.MaxMessage;
        if (!budget.TryTake(room))
        {
            throw Refusal("too many messages are being read: try again");
        }

        _held += room;
    }

    private RpcException Refusal(string why)
    {
        body.AdvanceTo(_buffer.Start, _buffer.End);
        return Errors.Exception(ErrorReason.LimitReached, why);
    }

    private void Release()
    {
        if (Interlocked.Exchange(ref _held, 0) is > 0 and var held)
        {
            budget.GiveBack(held);
        }
    }

    /// <summary>Room in bytes that messages take.</summary>
    internal readonly record struct Budget(Func<long, bool> TryTake, Action<long> GiveBack);
}
