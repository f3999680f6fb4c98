// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Cli.Live.Top;

/// <summary>What is to be done with a sender or peer that waits.</summary>
/// <param name="Who">As it was when the user chose it, whatever the list shows by now.</param>
/// <param name="Approve">Let it in; else send it away.</param>
/// <param name="Once">Do not remember its key.</param>
internal sealed record Decision(Waiting Who, bool Approve, bool Once = false);
