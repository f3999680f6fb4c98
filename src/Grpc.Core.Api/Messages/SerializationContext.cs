using System.Buffers;

namespace Grpc.Core;

/// <summary>
/// Where a serializer puts one message: either all at once with <see cref="Complete(byte[])"/>, or into
/// <see cref="GetBufferWriter"/>, followed by <see cref="Complete()"/>.
/// </summary>
public abstract class SerializationContext
{
    /// <summary>Writes the whole message and ends it.</summary>
    /// <param name="payload">The serialized message; it must not be changed afterwards.</param>
    /// <exception cref="ArgumentNullException"><paramref name="payload"/> is null.</exception>
    public virtual void Complete(byte[] payload)
    {
        ArgumentNullException.ThrowIfNull(payload);
        SetPayloadLength(payload.Length);
        GetBufferWriter().Write(payload);
        Complete();
    }

    /// <summary>The buffer that takes the message piece by piece.</summary>
    /// <returns>The writer, valid until <see cref="Complete()"/>.</returns>
    public abstract IBufferWriter<byte> GetBufferWriter();

    /// <summary>
    /// Says how long the message will be, before it is written, so that the buffer has the right size at once.
    /// </summary>
    /// <param name="payloadLength">The length in bytes.</param>
    public virtual void SetPayloadLength(int payloadLength)
    {
    }

    /// <summary>Ends a message that was written to <see cref="GetBufferWriter"/>.</summary>
    public abstract void Complete();
}
