// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tests.Netns.Relay;

/// <summary>The two ends speak different protocols: both say so.</summary>
public sealed class ProtocolMismatchTests
{
    [Theory]
    [InlineData("tls", "classic")]
    [InlineData("classic", "tls")]
    public async Task Both_ends_say_that_the_other_speaks_another_protocol(string receiver, string sender)
    {
        await using var relay = await RelayLab.CreateAsync();
        await relay.StartDaemonsAsync();
        await relay.StartReceiverAsync(receiver);
        await relay.StartSenderAsync(sender);

        await Harness.WaitFor.AnswerAsync(
            () => RelayLab.StatusAsync(relay.Inside, RelayLab.Sender),
            r => r.GetProperty("problem").GetString()?.Contains("--protocol", StringComparison.Ordinal) == true,
            "the sender to say what is wrong"
        );
        await Harness.WaitFor.AnswerAsync(
            () => RelayLab.StatusAsync(relay.Outside, RelayLab.Receiver),
            r =>
                r.GetProperty("problem")
                    .GetString()
                    ?.Contains(sender == "tls" ? "TLS" : "classic", StringComparison.Ordinal) == true,
            "the receiver to say what is wrong"
        );
    }
}
