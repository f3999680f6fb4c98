// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using UdpTunnel.Linux;

namespace UdpTunnel.Tests.Linux;

public sealed unsafe class DatagramQueueTests
{
    private const int SmallMtu = 1280;
    private const int Size = 1400;

    /// <remarks>
    /// The device of a run that is refused is the same for all here: its MTU stands for that of a client's path.
    /// </remarks>
    [Fact]
    public void A_small_path_of_one_destination_ends_runs_for_that_one_alone() =>
        NetworkNamespaceThread.Run(SmallMtu, () =>
        {
            using var sender = UdpSocket.Bind(0, offload: true);
            using var near = UdpSocket.Bind(0, offload: true);
            using var far = UdpSocket.Bind(0, offload: true);
            using var queue = new DatagramQueue(isV6: true);
            using var batch = new ReceiveBatch();

            // Refused as a run and sent one by one.
            Assert.Equal([1, 1, 1], SendThree(far));

            RouteSocket.SetMtu(RouteSocket.FindLink("lo")!.Value, 65_536);
            Assert.Equal([3], SendThree(near));
            Assert.Equal([1, 1, 1], SendThree(far));

            // How many datagrams each message had that arrived: a run stays one on this device.
            List<int> SendThree(UdpSocket receiver)
            {
                var to = receiver.ToEndpoint(new IPEndPoint(IPAddress.Loopback, receiver.LocalPort));
                var datagrams = new byte[3 * Size];
                fixed (byte* start = datagrams)
                {
                    for (var i = 0; i < 3; i++)
                    {
                        queue.Add(start + (i * Size), Size, to, default);
                    }

                    Assert.Equal(3, queue.Send(sender.Descriptor).Sent);
                }

                var arrived = new List<int>();
                while (arrived.Sum() < 3)
                {
                    Assert.True(SpinWait.SpinUntil(() => receiver.Receive(batch), TimeSpan.FromSeconds(10)));
                    for (var i = 0; i < batch.Count; i++)
                    {
                        arrived.Add(batch.Length(i) / Size);
                    }
                }

                return arrived;
            }
        });
}
