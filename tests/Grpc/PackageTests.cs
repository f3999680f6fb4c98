using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using Grpc.AspNetCore.Server;
using Grpc.Net.Client;

namespace Grpc.Tests;

/// <summary>What the real packages were compiled against, compared with what is there.</summary>
public sealed class PackageTests
{
    public static TheoryData<Type> Packages => [typeof(GrpcChannel), typeof(GrpcServiceOptions)];

    [Theory]
    [MemberData(nameof(Packages))]
    public unsafe void Every_member_that_a_package_refers_to_is_there(Type typeInPackage)
    {
        var module = typeInPackage.Module;
        Assert.True(typeInPackage.Assembly.TryGetRawMetadata(out var blob, out var length));
        var reader = new MetadataReader(blob, length);

        // A reference may stand inside a generic type or method; any arguments do to resolve it.
        var arguments = Enumerable.Repeat(typeof(string), 4).ToArray();
        var checkedMembers = 0;
        foreach (var handle in reader.MemberReferences)
        {
            if (IsOurs(reader, reader.GetMemberReference(handle).Parent))
            {
                Assert.NotNull(module.ResolveMember(MetadataTokens.GetToken(handle), arguments, arguments));
                checkedMembers++;
            }
        }

        Assert.True(checkedMembers > 50, $"Only {checkedMembers} references were found.");
    }

    [Theory]
    [MemberData(nameof(Packages))]
    public void Every_type_of_a_package_loads(Type typeInPackage) => Assert.NotEmpty(typeInPackage.Assembly.GetTypes());

    private static bool IsOurs(MetadataReader reader, EntityHandle parent)
    {
        switch (parent.Kind)
        {
            case HandleKind.TypeReference:
                var scope = reader.GetTypeReference((TypeReferenceHandle)parent).ResolutionScope;
                return scope.Kind == HandleKind.TypeReference
                    ? IsOurs(reader, scope)
                    : scope.Kind == HandleKind.AssemblyReference && IsOurs(reader, (AssemblyReferenceHandle)scope);

            case HandleKind.TypeSpecification:
                // ECMA-335 II.23.2.14: GENERICINST (0x15), CLASS or VALUETYPE, then the generic type itself.
                var signature = reader.GetBlobReader(
                    reader.GetTypeSpecification((TypeSpecificationHandle)parent).Signature);
                return signature.ReadByte() == 0x15
                    && signature.ReadByte() is 0x11 or 0x12
                    && IsOurs(reader, signature.ReadTypeHandle());

            default:
                return false;
        }
    }

    private static bool IsOurs(MetadataReader reader, AssemblyReferenceHandle assembly) =>
        reader.GetString(reader.GetAssemblyReference(assembly).Name) is "Grpc.Core.Api" or "Grpc.Net.Common";
}
