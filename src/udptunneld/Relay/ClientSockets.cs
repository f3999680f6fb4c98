// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Config;
using UdpTunnel.Hosting;
using UdpTunnel.Linux;

namespace UdpTunnel.Relay;

/// <summary>
/// The sockets to which a receiver's clients send, one for each port of its services. What they are never changes:
/// other services make another object, which may have sockets of this one.
/// </summary>
internal sealed class ClientSockets
{
    // Protects the descriptors of sockets that are closed while others ask about them.
    private static readonly Lock Gate = new();

    private readonly ClientSocket[] _all;

    private ClientSockets(ClientSocket[] all)
    {
        _all = all;
        Ports = [.. all.Select(s => s.Port)];
    }

    /// <summary>The sockets.</summary>
    public IReadOnlyList<ClientSocket> All => _all;

    /// <summary>Their ports; one of several addresses several times.</summary>
    public IReadOnlyList<int> Ports { get; }

    /// <summary>Datagrams that the kernel dropped at these because a buffer was full. Any thread.</summary>
    public long BufferDrops
    {
        get
        {
            lock (Gate)
            {
                return _all.Sum(s => (long)s.BufferDrops);
            }
        }
    }

    /// <summary>Opens the sockets of services.</summary>
    /// <param name="services">The services.</param>
    /// <param name="before">Sockets that are used again where services stayed; null for none.</param>
    /// <exception cref="RequestException">A port is taken; nothing is left open that was not before.</exception>
    /// <exception cref="LinuxException">A port is not allowed, or an address is not there; likewise.</exception>
    public static ClientSockets Open(UdpServiceList services, ClientSockets? before = null)
    {
        var known = before?._all ?? [];
        var all = new List<ClientSocket>(services.PortCount);
        try
        {
            foreach (var service in services)
            {
                var address = AddressOf(service.Address);
                for (var i = 0; i < service.Count; i++)
                {
                    var port = service.Address.Port + i;
                    all.Add(
                        known.FirstOrDefault(s => s.Port == port && Equals(s.Address, address)) ?? Bind(address, port)
                    );
                }
            }

            return new ClientSockets([.. all]);
        }
        catch
        {
            Close(all.Except(known));
            throw;
        }
    }

    /// <summary>Where a configured address is; null for all addresses of this host.</summary>
    public static IPAddress? AddressOf(HostPort address) =>
        address.TryGetAddress(out var literal) && !literal.Equals(IPAddress.IPv6Any)
            ? LinkName.WithZone(literal, address.Zone)
            : null;

    /// <summary>Closes the sockets that others do not have.</summary>
    public void CloseExcept(ClientSockets others) => Close(_all.Except(others._all));

    /// <summary>Closes all.</summary>
    public void Close() => Close(_all);

    private static ClientSocket Bind(IPAddress? address, int port)
    {
        try
        {
            return ClientSocket.Bind(address, port);
        }
        catch (LinuxException e) when (e.Errno == Errno.AddressInUse)
        {
            throw PortInUse.Refusal(e, isTcp: false, address, port);
        }
    }

    private static void Close(IEnumerable<ClientSocket> sockets)
    {
        lock (Gate)
        {
            foreach (var socket in sockets)
            {
                socket.Dispose();
            }
        }
    }
}
