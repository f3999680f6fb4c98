using System.Buffers;

namespace Grpc.Core;

/// <summary>
/// Collects a message in memory: how <see cref="Marshaller{T}.Serializer"/> runs a contextual serializer.
/// </summary>
internal sealed class ArraySerializationContext : SerializationContext
{
    private ArrayBufferWriter<byte>? _writer;
    private byte[]? _payload;

    /// <summary>Takes the message.</summary>
    /// <returns>The bytes.</returns>
    /// <exception cref="InvalidOperationException">The serializer returned without ending the message.</exception>
    public byte[] ToArray() => _payload ?? throw new InvalidOperationException(
        $"The serializer did not call {nameof(SerializationContext)}.{nameof(Complete)}.");

    public override void Complete(byte[] payload)
    {
        ArgumentNullException.ThrowIfNull(payload);
        ThrowIfComplete();
        _payload = payload;
    }

    public override IBufferWriter<byte> GetBufferWriter()
    {
        ThrowIfComplete();
        return _writer ??= new ArrayBufferWriter<byte>();
    }

    public override void SetPayloadLength(int payloadLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(payloadLength);
        ThrowIfComplete();
        if (payloadLength > 0)
        {
            _writer ??= new ArrayBufferWriter<byte>(payloadLength);
        }
    }

    public override void Complete()
    {
        ThrowIfComplete();
        _payload = _writer is null ? [] : _writer.WrittenSpan.ToArray();
    }

    private void ThrowIfComplete()
    {
        if (_payload is not null)
        {
            throw new InvalidOperationException("The message is complete already.");
        }
    }
}
