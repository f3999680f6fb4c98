// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using UdpTunnel.Linux;

namespace UdpTunnel.Doctor;

/// <summary>
/// Sends one run of datagrams over the loopback, to itself: the kernel has to cut it, or carry it whole and hand it
/// over as one.
/// </summary>
internal sealed class UdpOffloadCheck : ICheck
{
    private const int SegmentSize = 1000;
    private const int Segments = 4;
    private const string Remedy = "none needed; a newer kernel is faster";

    private const string LoopbackRemedy = "sudo ip link set lo up";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <inheritdoc/>
    public string Id => "offload_udp_segment";

    /// <inheritdoc/>
    public IEnumerable<Finding> Run(Patient patient)
    {
        using var from = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        using var to = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            // Connected to each other, so that nobody else's datagram is taken for ours.
            from.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            to.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            from.Connect(to.LocalEndPoint!);
            to.Connect(from.LocalEndPoint!);
        }
        catch (SocketException e)
        {
            return [new Finding(Id, CheckResult.Failure, $"the loopback does not work: {e.Message}", LoopbackRemedy)];
        }

        var merges = TrySet(to, SocketConstants.UDP_GRO, 1);
        if (!TrySet(from, SocketConstants.UDP_SEGMENT, SegmentSize))
        {
            return
            [
                new Finding(Id, CheckResult.Warning, "the kernel has no UDP_SEGMENT (Linux 4.18)", Remedy),
                Gro(merges, received: 0),
            ];
        }

        try
        {
            from.Send(new byte[SegmentSize * Segments]);
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.NetworkUnreachable or SocketError.NetworkDown)
        {
            return [new Finding(Id, CheckResult.Failure, $"the loopback does not work: {e.Message}", LoopbackRemedy)];
        }
        catch (SocketException e)
        {
            return
            [
                new Finding(Id, CheckResult.Warning, $"the kernel does not cut runs of datagrams: {e.Message}", Remedy),
                Gro(merges, received: 0),
            ];
        }

        to.ReceiveTimeout = (int)Patience.TotalMilliseconds;
        try
        {
            var received = to.Receive(new byte[65536]);
            return [new Finding(Id, CheckResult.Ok, "runs of datagrams leave in one send"), Gro(merges, received)];
        }
        catch (SocketException)
        {
            return
            [
                new Finding(
                    Id,
                    CheckResult.Failure,
                    "the loopback does not work: what was sent does not arrive",
                    LoopbackRemedy
                ),
            ];
        }
    }

    private static Finding Gro(bool set, int received)
    {
        const string Id = "offload_udp_gro";
        if (!set)
        {
            return new Finding(Id, CheckResult.Warning, "the kernel has no UDP_GRO (Linux 5.0)", Remedy);
        }

        return received == SegmentSize * Segments
            ? new Finding(Id, CheckResult.Ok, "runs of datagrams arrive in one receive")
            : new Finding(Id, CheckResult.Warning, "runs of datagrams arrive one by one", Remedy);
    }

    private static bool TrySet(Socket socket, int option, int value)
    {
        try
        {
            socket.SetRawSocketOption(SocketConstants.IPPROTO_UDP, option, BitConverter.GetBytes(value));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
