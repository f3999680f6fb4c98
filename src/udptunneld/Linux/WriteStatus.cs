namespace UdpTunnel.Linux;

/// <summary>What became of a group that was written to the device.</summary>
internal enum WriteStatus
{
    /// <summary>The device took it.</summary>
    Written,

    /// <summary>The device refuses groups of this kind (EINVAL); its packets one by one may be taken.</summary>
    Refused,

    /// <summary>The device is down or gone.</summary>
    DeviceFailed,
}
