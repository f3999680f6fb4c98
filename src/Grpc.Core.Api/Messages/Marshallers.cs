using System.Text;

namespace Grpc.Core;

/// <summary>Makes marshallers.</summary>
public static class Marshallers
{
    /// <summary>A marshaller for strings as UTF-8.</summary>
    public static Marshaller<string> StringMarshaller { get; } =
        new(Encoding.UTF8.GetBytes, Encoding.UTF8.GetString);

    /// <summary>Makes a marshaller from functions over arrays.</summary>
    /// <typeparam name="T">The message's type.</typeparam>
    /// <param name="serializer">Makes the bytes of a message.</param>
    /// <param name="deserializer">Makes a message from its bytes.</param>
    /// <returns>The marshaller.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public static Marshaller<T> Create<T>(Func<T, byte[]> serializer, Func<byte[], T> deserializer) =>
        new(serializer, deserializer);

    /// <summary>Makes a marshaller from functions over the transport's buffers, as generated code does.</summary>
    /// <typeparam name="T">The message's type.</typeparam>
    /// <param name="serializer">Writes a message to the context and ends it.</param>
    /// <param name="deserializer">Makes a message from the context's bytes.</param>
    /// <returns>The marshaller.</returns>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public static Marshaller<T> Create<T>(
        Action<T, SerializationContext> serializer, Func<DeserializationContext, T> deserializer) =>
        new(serializer, deserializer);
}
