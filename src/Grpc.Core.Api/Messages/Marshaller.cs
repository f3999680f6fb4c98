namespace Grpc.Core;

/// <summary>Turns messages of one type into bytes and back. Make one with <see cref="Marshallers"/>.</summary>
/// <typeparam name="T">The message's type.</typeparam>
public class Marshaller<T>
{
    /// <summary>Makes a marshaller from functions over arrays.</summary>
    /// <param name="serializer">Makes the bytes of a message.</param>
    /// <param name="deserializer">Makes a message from its bytes.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public Marshaller(Func<T, byte[]> serializer, Func<byte[], T> deserializer)
    {
        ArgumentNullException.ThrowIfNull(serializer);
        ArgumentNullException.ThrowIfNull(deserializer);
        Serializer = serializer;
        Deserializer = deserializer;
        ContextualSerializer = (message, context) => context.Complete(serializer(message));
        ContextualDeserializer = context => deserializer(context.PayloadAsNewBuffer());
    }

    /// <summary>Makes a marshaller from functions over the transport's buffers, which saves copies.</summary>
    /// <param name="serializer">Writes a message to the context and ends it.</param>
    /// <param name="deserializer">Makes a message from the context's bytes.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public Marshaller(Action<T, SerializationContext> serializer, Func<DeserializationContext, T> deserializer)
    {
        ArgumentNullException.ThrowIfNull(serializer);
        ArgumentNullException.ThrowIfNull(deserializer);
        ContextualSerializer = serializer;
        ContextualDeserializer = deserializer;
        Serializer = message =>
        {
            var context = new ArraySerializationContext();
            serializer(message, context);
            return context.ToArray();
        };
        Deserializer = payload => deserializer(new ArrayDeserializationContext(payload));
    }

    /// <summary>Makes the bytes of a message.</summary>
    public Func<T, byte[]> Serializer { get; }

    /// <summary>Makes a message from its bytes.</summary>
    public Func<byte[], T> Deserializer { get; }

    /// <summary>Writes a message to a context; this is what the transports call.</summary>
    public Action<T, SerializationContext> ContextualSerializer { get; }

    /// <summary>Makes a message from a context; this is what the transports call.</summary>
    public Func<DeserializationContext, T> ContextualDeserializer { get; }
}
