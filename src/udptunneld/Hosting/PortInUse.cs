// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace UdpTunnel.Hosting;

/// <summary>Explains why a port of this host cannot be had.</summary>
internal static class PortInUse
{
    private const int DnsPort = 53;
    private const int MostShown = 4;

    /// <summary>The refusal of a request that needs a port which is taken.</summary>
    /// <param name="error">What the kernel said.</param>
    /// <param name="isTcp">Of TCP, or of UDP.</param>
    /// <param name="wanted">The address; null for all.</param>
    /// <param name="port">The port.</param>
    public static RequestException Refusal(IOException error, bool isTcp, IPAddress? wanted, int port) =>
        new(Fault.PortTaken, $"{error.Message}; {Explain(isTcp, wanted, port)}");

    /// <summary>Who has a port, and what to do about it.</summary>
    /// <param name="isTcp">Of TCP, or of UDP.</param>
    /// <param name="wanted">The address; null for all.</param>
    /// <param name="port">The port.</param>
    /// <returns>
    /// For example "127.0.0.53:53 is in use, by systemd-resolved as it seems: one address of this host is free, such as
    /// 192.0.2.1:53".
    /// </returns>
    public static string Explain(bool isTcp, IPAddress? wanted, int port)
    {
        var holders = Holders(isTcp, port);
        var command = $"sudo ss -l{(isTcp ? 't' : 'u')}np 'sport = :{port}'";
        if (holders.Count == 0)
        {
            return $"{command} shows who has it";
        }

        var shown = string.Join(" and ", holders.Take(MostShown).Select(h => h.ToString()));
        var isAll = holders.Any(h => h.Address.Equals(IPAddress.Any) || h.Address.Equals(IPAddress.IPv6Any));
        var verb = holders.Count == 1 ? "is" : "are";
        if (isAll || !IsEverywhere(wanted))
        {
            return $"{shown} {verb} in use: {command} shows by whom";
        }

        var resolved =
            port == DnsPort && holders.All(h => IsStub(h.Address)) ? ", by systemd-resolved's DNSStubListener" : "";
        return $"{shown} {verb} in use{resolved}: listen at one address of this host, such as {Example()}:{port}, "
            + "instead of at all";
    }

    private static bool IsEverywhere(IPAddress? address) =>
        address is null || address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);

    private static bool IsStub(IPAddress address) =>
        address.Equals(IPAddress.Parse("127.0.0.53")) || address.Equals(IPAddress.Parse("127.0.0.54"));

    private static List<IPEndPoint> Holders(bool isTcp, int port)
    {
        try
        {
            var properties = IPGlobalProperties.GetIPGlobalProperties();
            var all = isTcp ? properties.GetActiveTcpListeners() : properties.GetActiveUdpListeners();
            return [.. all.Where(l => l.Port == port).Distinct().OrderBy(l => l.ToString(), StringComparer.Ordinal)];
        }
        catch (Exception e) when (e is NetworkInformationException or IOException or UnauthorizedAccessException)
        {
            // /proc is not there, or not readable: the command says it.
            return [];
        }
    }

    private static string Example()
    {
        try
        {
            var address = NetworkInterface
                .GetAllNetworkInterfaces()
                .Where(i =>
                    i.OperationalStatus is OperationalStatus.Up or OperationalStatus.Unknown
                    && i.NetworkInterfaceType != NetworkInterfaceType.Loopback
                )
                .SelectMany(i => i.GetIPProperties().UnicastAddresses)
                .Select(a => a.Address)
                .FirstOrDefault(a => a.AddressFamily == AddressFamily.InterNetwork);
            return address?.ToString() ?? "ADDRESS";
        }
        catch (NetworkInformationException)
        {
            return "ADDRESS";
        }
    }
}
