namespace Grpc.Core;

/// <summary>A message in memory: how <see cref="Marshaller{T}.Deserializer"/> runs a contextual deserializer.</summary>
internal sealed class ArrayDeserializationContext(byte[] payload) : DeserializationContext
{
    public override int PayloadLength => payload.Length;

    public override byte[] PayloadAsNewBuffer() => payload.AsSpan().ToArray();
}
