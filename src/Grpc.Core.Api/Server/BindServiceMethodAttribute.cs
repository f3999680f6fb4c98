using System.Diagnostics.CodeAnalysis;

namespace Grpc.Core;

/// <summary>Tells, on the base class of a service, which static method binds it. Generated code carries it.</summary>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = false, Inherited = true)]
public class BindServiceMethodAttribute : Attribute
{
    // What a trimmed program must keep of the bind type for the server to find the method.
    private const DynamicallyAccessedMemberTypes BindMethods =
        DynamicallyAccessedMemberTypes.PublicMethods | DynamicallyAccessedMemberTypes.NonPublicMethods;

    /// <summary>Names the method.</summary>
    /// <param name="bindType">The type that has it.</param>
    /// <param name="bindMethodName">Its name.</param>
    public BindServiceMethodAttribute([DynamicallyAccessedMembers(BindMethods)] Type bindType, string bindMethodName)
    {
        BindType = bindType;
        BindMethodName = bindMethodName;
    }

    /// <summary>The type that has the method.</summary>
    [DynamicallyAccessedMembers(BindMethods)]
    public Type BindType { get; }

    /// <summary>The method's name.</summary>
    public string BindMethodName { get; }
}
