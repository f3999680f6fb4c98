// SPDX-License-Identifier: BSD-3-Clause

using System.Net;

namespace UdpTunnel.Doctor;

/// <summary>A port on which a tunnel or relay waits.</summary>
/// <param name="Subject">The tunnel or relay.</param>
/// <param name="IsTcp">TCP, else UDP.</param>
/// <param name="Address">The address of this host; any for all of them.</param>
/// <param name="Port">The port.</param>
/// <param name="IsRunning">Whether it has the port.</param>
internal sealed record ListeningPort(string Subject, bool IsTcp, IPAddress Address, int Port, bool IsRunning);
