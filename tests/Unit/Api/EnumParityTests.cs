// SPDX-License-Identifier: BSD-3-Clause

using Google.Protobuf.Reflection;
using UdpTunnel.Doctor;
using UdpTunnel.Events;
using UdpTunnel.Hosting;
using UdpTunnel.Packets;
using UdpTunnel.Relay;
using UdpTunnel.Relay.Approval;
using UdpTunnel.Reload;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Tests.Api;

/// <summary>
/// The daemon's enumerations are cast to the protos', so both must have the same numbers for the same names.
/// </summary>
public sealed class EnumParityTests
{
    [Fact]
    public void Drop_reasons_are_the_protos() => AreTheProtos<DropReason>("DropReason", V1.TunnelReflection.Descriptor);

    [Fact]
    public void Directions_are_the_protos() => AreTheProtos<Direction>("Direction", V1.TunnelReflection.Descriptor);

    [Fact]
    public void Tunnel_states_are_the_protos() =>
        AreTheProtos<TunnelState>("TunnelState", V1.TunnelReflection.Descriptor);

    [Fact]
    public void Peer_states_are_the_protos() => AreTheProtos<PeerState>("PeerState", V1.TunnelReflection.Descriptor);

    [Fact]
    public void Event_kinds_are_the_protos() => AreTheProtos<EventKind>("EventKind", V1.EventReflection.Descriptor);

    [Fact]
    public void Limits_are_the_protos() => AreTheProtos<Limit>("Limit", V1.EventReflection.Descriptor);

    [Fact]
    public void Event_levels_are_the_protos() => AreTheProtos<EventLevel>("EventLevel", V1.EventReflection.Descriptor);

    [Fact]
    public void Faults_are_the_protos_reasons() => AreTheProtos<Fault>("ErrorReason", V1.ErrorReflection.Descriptor);

    [Fact]
    public void Relay_drop_reasons_are_the_protos() =>
        AreTheProtos<RelayDropReason>("RelayDropReason", V1.RelayReflection.Descriptor);

    [Fact]
    public void Relay_states_are_the_protos() => AreTheProtos<RelayState>("RelayState", V1.RelayReflection.Descriptor);

    [Fact]
    public void Sender_states_are_the_protos() =>
        AreTheProtos<SenderState>("SenderState", V1.RelayReflection.Descriptor);

    [Fact]
    public void File_actions_are_the_protos() => AreTheProtos<FileAction>("FileAction", V1.DaemonReflection.Descriptor);

    [Fact]
    public void Check_results_are_the_protos() =>
        AreTheProtos<CheckResult>("CheckResult", V1.DaemonReflection.Descriptor);

    /// <summary>The value 0, unspecified in a proto, means "none" or is not there in the daemon.</summary>
    private static void AreTheProtos<T>(string name, FileDescriptor file)
        where T : struct, Enum
    {
        var proto = file.EnumTypes.Single(e => e.Name == name);
        var prefix =
            string.Concat(name.Select((c, i) => i > 0 && char.IsUpper(c) ? $"_{c}" : $"{c}")).ToUpperInvariant() + "_";
        Assert.Equal(
            proto.Values.Where(v => v.Number != 0).Select(v => (v.Number, Plain(v.Name[prefix.Length..]))).Order(),
            Enum.GetValues<T>()
                .Select(v => (Number: System.Convert.ToInt32(v, null), Plain(v.ToString())))
                .Where(v => v.Number != 0)
                .Order()
        );
    }

    private static string Plain(string name) => name.Replace("_", "", StringComparison.Ordinal).ToUpperInvariant();
}
