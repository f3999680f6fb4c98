using System.Globalization;

namespace UdpTunnel.Config;

/// <summary>Compares two configurations of a tunnel, as <c>udptunnelctl reload</c> shows and applies it.</summary>
public static class ConfigDiff
{
    private const string Hidden = "(hidden)";

    /// <summary>The fields that differ, in the order of <see cref="Configuration.ToJson"/>.</summary>
    /// <param name="before">What runs.</param>
    /// <param name="after">What shall run.</param>
    /// <returns>The changes; empty exactly when the two are equal.</returns>
    public static IReadOnlyList<FieldChange> Between(TunnelConfig before, TunnelConfig after)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        var changes = new List<FieldChange>();
        Compare(nameof(TunnelConfig.Name), before.Name, after.Name, ChangeEffect.Impossible);
        CompareText(nameof(after.TunnelAddress), before.TunnelAddress, after.TunnelAddress, ChangeEffect.Restart);
        CompareText(nameof(after.NetworkAddress), before.NetworkAddress, after.NetworkAddress, ChangeEffect.Restart);
        CompareText(nameof(after.AllowedPorts), before.AllowedPorts, after.AllowedPorts, ChangeEffect.Live);
        Compare(nameof(TunnelConfig.TunnelDevice), Device(before), Device(after), ChangeEffect.Restart);
        Compare(nameof(TunnelConfig.HeartbeatInterval), Heartbeat(before), Heartbeat(after), ChangeEffect.Live);
        if (before.PacketMagic != after.PacketMagic)
        {
            changes.Add(new FieldChange(nameof(TunnelConfig.PacketMagic), Hidden, Hidden, ChangeEffect.Restart));
        }

        Compare(nameof(TunnelConfig.Mtu), Number(before.Mtu), Number(after.Mtu), ChangeEffect.Restart);
        Compare(nameof(TunnelConfig.Firewall), Word(before.Firewall), Word(after.Firewall), ChangeEffect.Restart);
        Compare(
            nameof(TunnelConfig.Offload),
            Choices.Text(Choices.Offload, before.Offload),
            Choices.Text(Choices.Offload, after.Offload),
            ChangeEffect.Restart);
        return changes;

        void CompareText(string field, object was, object becomes, ChangeEffect effect) =>
            Compare(field, $"{was}", $"{becomes}", effect);

        void Compare(string field, string was, string becomes, ChangeEffect effect)
        {
            if (was != becomes)
            {
                changes.Add(new FieldChange(field, was, becomes, effect));
            }
        }
    }

    private static string Device(TunnelConfig config) => config.TunnelDevice ?? "(chosen by the kernel)";

    private static string Heartbeat(TunnelConfig config) => config.HeartbeatInterval == TimeSpan.Zero
        ? "never"
        : $"{Number((long)config.HeartbeatInterval.TotalSeconds)} s";

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Word(bool value) => value ? "true" : "false";
}
