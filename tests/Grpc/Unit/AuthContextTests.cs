using Grpc.Core;

namespace Grpc.Tests.Unit;

/// <summary>Who the other side is.</summary>
public sealed class AuthContextTests
{
    [Fact]
    public void Without_an_identity_nobody_is_authenticated()
    {
        var context = new AuthContext(null, []);

        Assert.False(context.IsPeerAuthenticated);
        Assert.Empty(context.PeerIdentity);
        Assert.Empty(context.Properties);
    }

    [Fact]
    public void The_identity_is_the_properties_of_the_name_that_was_given()
    {
        var first = AuthProperty.Create("san", "a.example"u8.ToArray());
        var second = AuthProperty.Create("san", "b.example"u8.ToArray());
        var other = AuthProperty.Create("cn", "c"u8.ToArray());
        var context = new AuthContext("san", new() { ["san"] = [first, second], ["cn"] = [other] });

        Assert.True(context.IsPeerAuthenticated);
        Assert.Equal([first, second], context.PeerIdentity);
        Assert.Equal([other], context.FindPropertiesByName("cn"));
        Assert.Empty(context.FindPropertiesByName("absent"));
        Assert.Equal(3, context.Properties.Count());
    }

    [Fact]
    public void The_value_of_a_property_cannot_be_changed_from_outside()
    {
        var bytes = "abc"u8.ToArray();
        var property = AuthProperty.Create("name", bytes);

        bytes[0] = (byte)'x';
        property.ValueBytes[1] = (byte)'x';

        Assert.Equal("abc", property.Value);
        Assert.Equal("name", property.Name);
    }
}
