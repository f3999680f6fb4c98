// SPDX-License-Identifier: BSD-3-Clause

using Google.Protobuf.Reflection;
using UdpTunnel.Cli.Output;
using UdpTunnel.V1;

namespace UdpTunnel.Tests.Cli;

public sealed class WordsTests
{
    [Fact]
    public void Every_value_of_every_enumeration_has_the_word_of_its_name()
    {
        Same("TunnelMode", TunnelReflection.Descriptor, n => Words.Of((TunnelMode)n));
        Same("TunnelState", TunnelReflection.Descriptor, n => Words.Of((TunnelState)n));
        Same("TunnelProtocol", TunnelReflection.Descriptor, n => Words.Of((TunnelProtocol)n));
        Same("PeerState", TunnelReflection.Descriptor, n => Words.Of((PeerState)n));
        Same("DropReason", TunnelReflection.Descriptor, n => Words.Of((DropReason)n));
        Same("Direction", TunnelReflection.Descriptor, n => Words.Of((Direction)n));
        Same("RelayRole", RelayReflection.Descriptor, n => Words.Of((RelayRole)n));
        Same("RelayProtocol", RelayReflection.Descriptor, n => Words.Of((RelayProtocol)n));
        Same("RelayState", RelayReflection.Descriptor, n => Words.Of((RelayState)n));
        Same("SenderState", RelayReflection.Descriptor, n => Words.Of((SenderState)n));
        Same("RelayDropReason", RelayReflection.Descriptor, n => Words.Of((RelayDropReason)n));
        Same("EventKind", EventReflection.Descriptor, n => Words.Of((EventKind)n));
        Same("EventLevel", EventReflection.Descriptor, n => Words.Of((EventLevel)n));
        Same("Limit", EventReflection.Descriptor, n => Words.Of((Limit)n));
        Same("Severity", ErrorReflection.Descriptor, n => Words.Of((Severity)n));
        Same("CheckResult", DaemonReflection.Descriptor, n => Words.Of((CheckResult)n));
        Same("FileAction", DaemonReflection.Descriptor, n => Words.Of((FileAction)n));
        Same("Role", AccessReflection.Descriptor, n => Words.Of((Role)n));
    }

    [Fact]
    public void A_value_of_a_newer_daemon_has_no_word_and_can_still_be_shown()
    {
        Assert.Null(Words.Of((TunnelState)99));
        Assert.Equal("unknown", Words.Spoken(Words.Of((TunnelState)99)));
        Assert.Equal("device lost", Words.Spoken(Words.Of(TunnelState.DeviceLost)));
    }

    private static void Same(string name, FileDescriptor file, Func<int, string?> word)
    {
        var values = file.EnumTypes.Single(e => e.Name == name).Values;
        var prefix = values[0].Name[..^"UNSPECIFIED".Length];
        Assert.All(values, v =>
            Assert.Equal(v.Number == 0 ? null : v.Name[prefix.Length..].ToLowerInvariant(), word(v.Number))
        );
    }
}
