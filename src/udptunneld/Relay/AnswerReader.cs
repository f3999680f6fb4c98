// SPDX-License-Identifier: BSD-3-Clause

using UdpTunnel.Relay.Flows;
using UdpTunnel.Relay.Link;
using UdpTunnel.Relay.Wire;

namespace UdpTunnel.Relay;

/// <summary>
/// Takes the frames of the sender while datagrams flow, on the receiver's thread: answers go to the clients whose flows
/// are live, and to nobody else.
/// </summary>
internal sealed class AnswerReader(ReceiverConnection connection, FrameWriter writer) : IDisposable
{
    private readonly AnswerSender _answers = new(connection.Counters);
    private readonly ReceiverFlows _flows = connection.Flows!;
    private readonly FrameReader _reader = connection.Link.Reader;

    /// <summary>Takes what has come.</summary>
    /// <returns>False at the end of the connection, or when the sender broke the protocol.</returns>
    public bool Read()
    {
        var came = connection.Link.TryFill();
        var now = RelayTimes.Now;
        if (came > 0)
        {
            connection.Liveness.OnHeard(now);
        }

        // Some may have been read before.
        FrameStatus status;
        while ((status = _reader.Next(out var frame)) == FrameStatus.Complete)
        {
            if (!Take(frame, now))
            {
                status = FrameStatus.Malformed;
                break;
            }
        }

        // What was read is sent also when nonsense follows it.
        _answers.Send();
        connection.IsBroken = status == FrameStatus.Malformed;
        return came != 0 && !connection.IsBroken;
    }

    /// <inheritdoc/>
    public void Dispose() => _answers.Dispose();

    /// <returns>False if the frame breaks the protocol.</returns>
    private bool Take(in RelayFrame frame, long now)
    {
        switch (frame.Type)
        {
            case FrameType.Datagram:
                Answer(frame, now);
                return true;
            case FrameType.FlowClosed:
                if (_flows.Find(frame.FlowId) is { } ended)
                {
                    // What came before it is still sent.
                    _answers.Send();
                    _flows.End(ended);
                }

                return true;
            case FrameType.Ping:
                writer.AddControl(FrameType.Pong, 0, []);
                return true;
            case FrameType.Pong:
                return true;
            case FrameType.Services:
                return connection.TakeOffer(frame.Payload);
            default:
                return false;
        }
    }

    private void Answer(in RelayFrame frame, long now)
    {
        if (frame.Length > IRelayCodec.MaxDatagram)
        {
            connection.Counters.CountDrop(RelayDropReason.TooBig);
        }
        else if (_flows.Find(frame) is { } flow)
        {
            _flows.OnAnswer(flow, now);
            _answers.Add(flow, frame);
        }
        else
        {
            // Classic has no word for it.
            connection.Counters.CountDrop(RelayDropReason.UnknownFlow);
            writer.AddControl(FrameType.FlowClosed, frame.FlowId, []);
        }
    }
}
