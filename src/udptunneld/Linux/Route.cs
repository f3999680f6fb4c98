namespace UdpTunnel.Linux;

/// <summary>An IPv4 address of a network device of this host.</summary>
/// <param name="Address">In host order.</param>
/// <param name="PrefixLength">Of its network, 0 to 32.</param>
/// <param name="Link">Number of the device.</param>
internal readonly record struct LinkAddress(uint Address, int PrefixLength, int Link);

/// <summary>An IPv4 route of this host to other hosts.</summary>
/// <param name="Network">First address of the destination, in host order; 0 for the default route.</param>
/// <param name="PrefixLength">Of the destination, 0 to 32.</param>
/// <param name="Gateway">In host order; null if the destination is on the link.</param>
/// <param name="Link">Number of the device; null if the route has several.</param>
internal readonly record struct Route(uint Network, int PrefixLength, uint? Gateway, int? Link);
