using Grpc.Core;
using Grpc.Tests.Protos;

namespace Grpc.Tests.Unit;

/// <summary>Methods and the definition of a service.</summary>
public sealed class MethodTests
{
    [Theory]
    [InlineData("udptunnel.v1.Tunnels", "List", "/udptunnel.v1.Tunnels/List")]
    [InlineData("Plain", "Do", "/Plain/Do")]
    public void The_full_name_is_the_path_of_the_request(string service, string name, string path)
    {
        IMethod method = Method(MethodType.DuplexStreaming, service, name);

        Assert.Equal(path, method.FullName);
        Assert.Equal(service, method.ServiceName);
        Assert.Equal(name, method.Name);
        Assert.Equal(MethodType.DuplexStreaming, method.Type);
    }

    [Fact]
    public void A_method_needs_names_and_marshallers()
    {
        Assert.Throws<ArgumentNullException>(() => Method(MethodType.Unary, null!, "Do"));
        Assert.Throws<ArgumentNullException>(() => Method(MethodType.Unary, "Plain", null!));
        Assert.Throws<ArgumentNullException>(
            () => new Method<string, string>(MethodType.Unary, "Plain", "Do", null!, Marshallers.StringMarshaller));
    }

    [Fact]
    public void A_definition_hands_its_methods_to_the_binder_in_order()
    {
        var binder = new Binder();

        Echo.BindService(new EchoService()).BindService(binder);

        Assert.Equal(["Say", "Collect", "Repeat", "Chat", "Fail", "Crash", "Wait"], binder.Bound);
    }

    [Fact]
    public void A_definition_refuses_a_second_method_of_the_same_name()
    {
        var method = Method(MethodType.Unary, "Plain", "Do");
        var builder = ServerServiceDefinition.CreateBuilder().AddMethod(method, (text, _) => Task.FromResult(text));

        Assert.Throws<ArgumentException>(() => builder.AddMethod(method, (text, _) => Task.FromResult(text)));
    }

    [Fact]
    public void The_base_class_of_a_service_tells_how_it_is_bound()
    {
        var attribute = Assert.IsType<BindServiceMethodAttribute>(Assert.Single(
            typeof(EchoService).GetCustomAttributes(typeof(BindServiceMethodAttribute), inherit: true)));

        Assert.Equal(typeof(Echo), attribute.BindType);
        Assert.Equal("BindService", attribute.BindMethodName);
    }

    private static Method<string, string> Method(MethodType type, string service, string name) =>
        new(type, service, name, Marshallers.StringMarshaller, Marshallers.StringMarshaller);

    private sealed class Binder : ServiceBinderBase
    {
        public List<string> Bound { get; } = [];

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler) =>
            Bind(method, MethodType.Unary, handler);

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse>? handler) =>
            Bind(method, MethodType.ClientStreaming, handler);

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler) =>
            Bind(method, MethodType.ServerStreaming, handler);

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler) =>
            Bind(method, MethodType.DuplexStreaming, handler);

        private void Bind(IMethod method, MethodType expected, Delegate? handler)
        {
            Assert.Equal(expected, method.Type);
            Assert.NotNull(handler);
            Bound.Add(method.Name);
        }
    }
}
