namespace UdpTunnel.Relay.Approval;

/// <summary>How a sender stands at a receiver. Values follow <c>udptunnel.v1.SenderState</c>.</summary>
internal enum SenderState
{
    Pending = 1,
    Connected = 2,
    Approved = 3,
}
