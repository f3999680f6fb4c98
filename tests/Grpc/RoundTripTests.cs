using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Tests.Protos;

namespace Grpc.Tests;

/// <summary>Every kind of field through the generated code and the wire, and back.</summary>
/// <remarks>
/// The generated code is newer than the Google.Protobuf it runs on, so this is more than a formality.
/// </remarks>
public sealed class RoundTripTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_kind_of_field_comes_back_as_it_was_sent()
    {
        await using var server = await EchoServer.StartAsync();
        var sent = new AllKinds
        {
            Counts = { ["a"] = 1, ["ä"] = long.MinValue },
            Inners = { [-7] = new Inner { Text = "seven", Flag = false } },
            Number = uint.MaxValue,
            MaybeNumber = 0,
            WrappedBool = false,
            WrappedText = "",
            WrappedNumber = ulong.MaxValue,
            Any = Any.Pack(new Inner { Text = "packed" }),
            Duration = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(-1500)),
            Timestamp = Timestamp.FromDateTime(new DateTime(2026, 2, 28, 23, 59, 59, 999, DateTimeKind.Utc)),
            Numbers = { 0, -1, long.MaxValue, long.MinValue },
            List = { new Inner(), new Inner { Text = "last" } },
            Blob = ByteString.CopyFrom(0, 255, 1),
            Colour = Colour.Blue,
            Ratio = 0.1,
            Fixed = ulong.MaxValue,
        };

        var got = await new Everything.EverythingClient(server.Channel).RoundTripAsync(sent, cancellationToken: Token);

        Assert.Equal(sent, got);
        Assert.Equal(AllKinds.ChoiceOneofCase.Number, got.ChoiceCase);
        Assert.True(got.HasMaybeNumber);
        Assert.False(got.HasMaybeText);
        Assert.True(got.Inners[-7].HasFlag);
        Assert.False(got.WrappedBool);
        Assert.Equal("packed", got.Any.Unpack<Inner>().Text);
        Assert.Equal(TimeSpan.FromMilliseconds(-1500), got.Duration.ToTimeSpan());
        Assert.Equal(sent.Timestamp.ToDateTime(), got.Timestamp.ToDateTime());
    }

    [Fact]
    public async Task What_was_not_set_stays_unset()
    {
        await using var server = await EchoServer.StartAsync();

        var got = await new Everything.EverythingClient(server.Channel).RoundTripAsync(
            new AllKinds(), cancellationToken: Token);

        Assert.Equal(AllKinds.ChoiceOneofCase.None, got.ChoiceCase);
        Assert.False(got.HasMaybeNumber);
        Assert.Null(got.WrappedBool);
        Assert.Null(got.WrappedText);
        Assert.Null(got.Any);
        Assert.Null(got.Timestamp);
    }

    [Fact]
    public async Task An_empty_message_passes()
    {
        await using var server = await EchoServer.StartAsync();

        Assert.Equal(new Empty(), await new Everything.EverythingClient(server.Channel).PingAsync(
            new Empty(), cancellationToken: Token));
    }

    [Fact]
    public void A_custom_option_of_a_method_can_be_read_from_the_descriptor()
    {
        var method = Everything.Descriptor.FindMethodByName("RoundTrip");

        Assert.Equal("admin", method.GetOptions().GetExtension(EverythingExtensions.NeedsRole));
        Assert.False(Everything.Descriptor.FindMethodByName("Ping").GetOptions()
            .HasExtension(EverythingExtensions.NeedsRole));
    }

    [Fact]
    public void A_message_survives_its_JSON_form()
    {
        var message = new AllKinds
        {
            Name = "x",
            Counts = { ["a"] = 1 },
            Duration = Duration.FromTimeSpan(TimeSpan.FromSeconds(90)),
            MaybeText = "",
        };

        Assert.Equal(message, AllKinds.Parser.ParseJson(JsonFormatter.Default.Format(message)));
    }
}
