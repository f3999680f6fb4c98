namespace UdpTunnel.Filter;

/// <summary>
/// What the fragments of one packet have in common: source, destination, identification, for IPv4 the protocol (RFC 791, section 3.2; RFC 8200, section
/// 4.5), and the peer. Made by <see cref="FragmentTable.KeyOf"/>.
/// </summary>
/// <param name="Addresses">Both addresses of IPv4; else a hash of everything with a secret seed.</param>
/// <param name="Rest">What is left. Never 0.</param>
internal readonly record struct FragmentKey(ulong Addresses, uint Rest);
