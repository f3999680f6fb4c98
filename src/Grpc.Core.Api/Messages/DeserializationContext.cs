using System.Buffers;

namespace Grpc.Core;

/// <summary>The bytes of one message for a deserializer, which may ask for them once.</summary>
public abstract class DeserializationContext
{
    /// <summary>The length of the message in bytes.</summary>
    public abstract int PayloadLength { get; }

    /// <summary>The message in an array of its own.</summary>
    /// <returns>The bytes, which the caller may keep.</returns>
    public abstract byte[] PayloadAsNewBuffer();

    /// <summary>The message without a copy, where the transport can do that.</summary>
    /// <returns>The bytes, valid until the deserializer returns.</returns>
    public virtual ReadOnlySequence<byte> PayloadAsReadOnlySequence() => new(PayloadAsNewBuffer());
}
