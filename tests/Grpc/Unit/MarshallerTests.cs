using System.Buffers;
using System.Text;
using Grpc.Core;

namespace Grpc.Tests.Unit;

/// <summary>Marshallers of both kinds, each used in both ways.</summary>
public sealed class MarshallerTests
{
    [Theory]
    [InlineData("")]
    [InlineData("hello")]
    [InlineData("grün 😀")]
    public void The_string_marshaller_writes_UTF8(string text)
    {
        var bytes = Marshallers.StringMarshaller.Serializer(text);

        Assert.Equal(Encoding.UTF8.GetBytes(text), bytes);
        Assert.Equal(text, Marshallers.StringMarshaller.Deserializer(bytes));
    }

    [Fact]
    public void A_marshaller_over_arrays_works_with_contexts()
    {
        var marshaller = Marshallers.Create(Encoding.UTF8.GetBytes, Encoding.UTF8.GetString);
        var context = new Context();

        marshaller.ContextualSerializer("hello", context);

        Assert.Equal("hello"u8, context.Written);
        Assert.True(context.IsComplete);
        Assert.Equal("hello", marshaller.ContextualDeserializer(new Source("hello"u8.ToArray())));
    }

    [Fact]
    public void A_marshaller_over_contexts_works_with_arrays()
    {
        var marshaller = Marshallers.Create<string>(
            (text, context) =>
            {
                context.SetPayloadLength(Encoding.UTF8.GetByteCount(text));
                context.GetBufferWriter().Write(Encoding.UTF8.GetBytes(text));
                context.Complete();
            },
            context => Encoding.UTF8.GetString(context.PayloadAsReadOnlySequence()));

        Assert.Equal("hello"u8, marshaller.Serializer("hello"));
        Assert.Equal("hello", marshaller.Deserializer("hello"u8.ToArray()));
        Assert.Empty(marshaller.Serializer(""));
        Assert.Equal("", marshaller.Deserializer([]));
    }

    [Fact]
    public void A_serializer_that_gives_the_whole_array_works_too()
    {
        var marshaller = Marshallers.Create<string>(
            (text, context) => context.Complete(Encoding.UTF8.GetBytes(text)),
            context => Encoding.UTF8.GetString(context.PayloadAsNewBuffer()));

        Assert.Equal("hello"u8, marshaller.Serializer("hello"));
        Assert.Equal("hello", marshaller.Deserializer("hello"u8.ToArray()));
    }

    [Fact]
    public void A_serializer_that_does_not_end_its_message_or_ends_it_twice_is_told_so()
    {
        var never = Marshallers.Create<string>((_, _) => { }, _ => "");
        var twice = Marshallers.Create<string>(
            (_, context) =>
            {
                context.Complete([]);
                context.Complete();
            },
            _ => "");

        Assert.Throws<InvalidOperationException>(() => never.Serializer("x"));
        Assert.Throws<InvalidOperationException>(() => twice.Serializer("x"));
    }

    [Fact]
    public void A_marshaller_needs_both_functions()
    {
        Assert.Throws<ArgumentNullException>(() => Marshallers.Create<string>(null!, Encoding.UTF8.GetString));
        Assert.Throws<ArgumentNullException>(() => Marshallers.Create<string>(Encoding.UTF8.GetBytes, null!));
        Assert.Throws<ArgumentNullException>(() => Marshallers.Create<string>(null!, context => ""));
        Assert.Throws<ArgumentNullException>(
            () => Marshallers.Create(null!, (Func<DeserializationContext, string>)(context => "")));
    }

    /// <summary>A transport that leaves the whole-array form to the base class.</summary>
    private sealed class Context : SerializationContext
    {
        private readonly ArrayBufferWriter<byte> _writer = new();

        public ReadOnlySpan<byte> Written => _writer.WrittenSpan;

        public bool IsComplete { get; private set; }

        public override IBufferWriter<byte> GetBufferWriter() => _writer;

        public override void Complete() => IsComplete = true;
    }

    private sealed class Source(byte[] payload) : DeserializationContext
    {
        public override int PayloadLength => payload.Length;

        public override byte[] PayloadAsNewBuffer() => payload;
    }
}
