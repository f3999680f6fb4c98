using UdpTunnel.V1;

namespace UdpTunnel.Cli.Live.Top;

/// <summary>What is to be done with a sender that waits.</summary>
/// <param name="Sender">As it was when the user chose it, whatever the list shows by now.</param>
/// <param name="Approve">Let it in; else send it away.</param>
/// <param name="Once">Do not remember its key.</param>
internal sealed record Decision(Sender Sender, bool Approve, bool Once = false);
