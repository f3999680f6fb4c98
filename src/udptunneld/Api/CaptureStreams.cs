// SPDX-License-Identifier: BSD-3-Clause

using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using UdpTunnel.Config;
using UdpTunnel.Filter;
using UdpTunnel.Hosting;
using UdpTunnel.Tunnel;
using UdpTunnel.V1;

namespace UdpTunnel.Api;

/// <summary>
/// The streams of those who capture packets: what they have not read yet is bounded for each, and so is their number.
/// </summary>
internal sealed class CaptureStreams(Watchers watchers, TimeProvider time) : IDisposable
{
    /// <summary>Captures at once, of all tunnels: each holds <see cref="PacketTap.Capacity"/> bytes.</summary>
    public const int Most = 8;

    // What makes one message; a client takes 4 MiB.
    private const int MostBytes = 256 * 1024;

    // How long the reader sleeps when there is nothing: the worker wakes nobody, since that would cost it a system call
    // for each packet.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private readonly SemaphoreSlim _places = new(Most);

    /// <summary>Shows a tunnel's packets until the caller has enough or the tunnel stops.</summary>
    /// <exception cref="RequestException">
    /// Too many capture, the request is wrong, or the tunnel has stopped.
    /// </exception>
    public async Task RunAsync(
        TunnelEngine engine,
        CapturePacketsRequest request,
        PortSet ports,
        IServerStreamWriter<CapturePacketsResponse> stream,
        ServerCallContext context
    )
    {
        if (request.SnapLength > PacketTap.MaxSnapLength)
        {
            throw new RequestException(
                Fault.InvalidRequest,
                $"snap_length: {request.SnapLength} is more than {PacketTap.MaxSnapLength} bytes"
            );
        }

        using var watcher = watchers.Enter(context);
        if (!_places.Wait(0, CancellationToken.None))
        {
            throw new RequestException(Fault.LimitReached, $"{Most} captures are under way, which is the most");
        }

        var tap = new PacketTap(
            ports.Count > 0 ? new PortBitmap(ports) : null,
            request.DroppedOnly,
            request.SnapLength == 0 ? PacketTap.MaxSnapLength : (int)request.SnapLength,
            time
        );
        engine.Taps.Add(tap);
        try
        {
            await CopyAsync(engine, tap, stream, watcher.Stopped);
        }
        finally
        {
            engine.Taps.Remove(tap);
            _places.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _places.Dispose();

    private static async Task CopyAsync(
        TunnelEngine engine,
        PacketTap tap,
        IServerStreamWriter<CapturePacketsResponse> stream,
        CancellationToken stopped
    )
    {
        await stream.WriteAsync(
            new CapturePacketsResponse { Device = engine.Device, LocalPort = (uint)engine.Status.LocalPort },
            stopped
        );
        var lost = 0L;
        while (true)
        {
            // Before it is emptied for the last time.
            var hasEnded = tap.HasEnded;
            var response = new CapturePacketsResponse { Lost = (ulong)tap.Lost };
            for (var bytes = 0; bytes < MostBytes && tap.TryRead(out var packet); bytes += packet.Bytes.Length)
            {
                response.Packets.Add(ToPacket(packet));
            }

            if (response.Packets.Count > 0 || tap.Lost != lost)
            {
                lost = (long)response.Lost;
                await stream.WriteAsync(response, stopped);
            }
            else if (hasEnded)
            {
                throw new RequestException(Fault.NoSuchTunnel, $"tunnel '{engine.Config.Name}' has stopped");
            }
            else
            {
                await Task.Delay(Pause, stopped);
            }
        }
    }

    private static CapturedPacket ToPacket(in SeenPacket packet) =>
        new()
        {
            Time = Timestamp.FromDateTimeOffset(packet.Time),
            Direction = (V1.Direction)packet.Direction,
            Stage = (V1.CaptureStage)packet.Stage,
            DropReason = (V1.DropReason)packet.Reason,
            Peer = packet.Peer,
            Length = (uint)packet.Length,
            Data = UnsafeByteOperations.UnsafeWrap(packet.Bytes),
        };
}
