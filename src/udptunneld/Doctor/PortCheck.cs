// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using UdpTunnel.Config;
using UdpTunnel.Hosting;
using UdpTunnel.Relay;
using UdpTunnel.Tunnel;

namespace UdpTunnel.Doctor;

/// <summary>Whether the ports are free of what should run and does not.</summary>
internal sealed class PortCheck : ICheck
{
    /// <inheritdoc/>
    public string Id => "port";

    /// <inheritdoc/>
    public IEnumerable<Finding> Run(Patient patient)
    {
        var ports = PortsOf(patient).ToList();
        var running = ports.Where(p => p.IsRunning).ToList();
        foreach (var port in ports)
        {
            var what = $"{(port.IsTcp ? "TCP" : "UDP")} port {port.Port}";
            if (port.IsRunning)
            {
                yield return new Finding(Id, CheckResult.Ok, $"{what} is ours", Subject: port.Subject);
            }
            else if (IsTaken(port))
            {
                var owner = running.FirstOrDefault(p => (p.IsTcp, p.Port) == (port.IsTcp, port.Port))?.Subject;
                yield return new Finding(
                    Id,
                    CheckResult.Failure,
                    owner is not null
                        ? $"{what} is in use by {owner}, which this daemon runs too"
                        : $"{what} is in use by another program; {PortInUse.Explain(port.IsTcp, port.Address, port.Port)}",
                    $"sudo ss -l{(port.IsTcp ? 't' : 'u')}np 'sport = :{port.Port}'",
                    port.Subject
                );
            }
        }
    }

    /// <summary>The ports on which tunnels and relays wait.</summary>
    internal static IEnumerable<ListeningPort> PortsOf(Patient patient)
    {
        foreach (var tunnel in patient.Tunnels.Where(t => t.Config.IsServer))
        {
            yield return new ListeningPort(
                tunnel.Config.Name,
                IsTcp: false,
                IPAddress.Any,
                tunnel.Config.NetworkAddress.Port,
                tunnel.State != TunnelState.Failed
            );
        }

        foreach (var relay in patient.Relays.Where(r => r.Config.Relay == RelayRole.Receiver))
        {
            var isRunning = relay.State != RelayState.Failed;
            foreach (var service in relay.Config.UdpAddress)
            {
                // What runs has all of a range or none: one of them tells as much as a thousand.
                for (var i = 0; i < (isRunning ? 1 : service.Count); i++)
                {
                    yield return Of(service.Address, service.Address.Port + i, isTcp: false);
                }
            }

            yield return Of(relay.Config.TcpAddress, relay.Config.TcpAddress.Port, isTcp: true);

            ListeningPort Of(HostPort address, int port, bool isTcp) =>
                new(relay.Config.Name, isTcp, address.TryGetAddress(out var ip) ? ip : IPAddress.Any, port, isRunning);
        }
    }

    private static bool IsTaken(ListeningPort port)
    {
        using var socket = port.IsTcp
            ? new Socket(port.Address.AddressFamily, SocketType.Stream, ProtocolType.Tcp)
            : new Socket(port.Address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            socket.Bind(new IPEndPoint(port.Address, port.Port));
            return false;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode == SocketError.AddressAlreadyInUse;
        }
    }
}
