// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Linux;

namespace UdpTunnel.Tests.Linux;

public sealed class SendErrorsTests
{
    /// <summary>What may pass at once is tried three times more.</summary>
    private const int LastAttempt = 3;

    [Theory]
    [InlineData(Errno.Interrupted, SendVerdict.Retry, SendVerdict.Retry)]
    [InlineData(Errno.ConnectionRefused, SendVerdict.Retry, SendVerdict.Lost)]
    [InlineData(Errno.NoBuffers, SendVerdict.Retry, SendVerdict.Lost)]
    [InlineData(Errno.Again, SendVerdict.BufferFull, SendVerdict.BufferFull)]
    [InlineData(Errno.OutOfMemory, SendVerdict.Retry, SendVerdict.Lost)]
    [InlineData(Errno.MessageTooLong, SendVerdict.TooBig, SendVerdict.TooBig)]
    [InlineData(Errno.InputOutput, SendVerdict.Lost, SendVerdict.Lost)]
    [InlineData(Errno.Invalid, SendVerdict.Lost, SendVerdict.Lost)]
    [InlineData(Errno.NotPermitted, SendVerdict.Lost, SendVerdict.Lost)]
    [InlineData(Errno.NetworkDown, SendVerdict.Lost, SendVerdict.Lost)]
    [InlineData(Errno.NetworkUnreachable, SendVerdict.Lost, SendVerdict.Lost)]
    [InlineData(Errno.HostUnreachable, SendVerdict.Retry, SendVerdict.Lost)]
    [InlineData(Errno.AddressNotAvailable, SendVerdict.Lost, SendVerdict.Lost)]
    [InlineData((Errno)9999, SendVerdict.Lost, SendVerdict.Lost)]
    internal void One_datagram_is_tried_again_given_up_or_lost(Errno error, SendVerdict first, SendVerdict last)
    {
        for (var attempt = 0; attempt < LastAttempt; attempt++)
        {
            Assert.Equal(first, SendErrors.Classify(error, segmented: false, attempt));
        }

        Assert.Equal(last, SendErrors.Classify(error, segmented: false, LastAttempt));
        Assert.Equal(last, SendErrors.Classify(error, segmented: false, int.MaxValue));
    }

    [Fact]
    public void A_run_is_sent_singly_exactly_where_the_kernel_may_have_refused_the_run()
    {
        foreach (var error in Enum.GetValues<Errno>())
        {
            var verdict = SendErrors.Classify(error, segmented: true, attempt: 0);
            if (error is Errno.InputOutput or Errno.Invalid or Errno.MessageTooLong)
            {
                Assert.Equal((error, SendVerdict.SendSingly), (error, verdict));
            }
            else
            {
                Assert.Equal((error, SendErrors.Classify(error, segmented: false, attempt: 0)), (error, verdict));
            }
        }
    }
}
