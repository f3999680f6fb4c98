// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Tunnel;

/// <summary>
/// Whether packets go to and fro one at a time, as when somebody asks, waits for the answer and asks again: between one
/// wait and the next at most one each way, and over many waits as many in as out. Belongs to one worker, whatever
/// number of tunnels it serves.
/// </summary>
internal sealed class Alternation
{
    private int _in;
    private int _out;
    private int _balance;

    /// <summary>Packets were carried.</summary>
    public void Count(int packetsIn, int packetsOut)
    {
        _in += packetsIn;
        _out += packetsOut;
    }

    /// <summary>Begins anew.</summary>
    /// <returns>Whether what was counted since the last call is a step of an alternation.</returns>
    public bool Take()
    {
        var balance = _balance + _in - _out;
        var isStep = _in <= 1 && _out <= 1 && _in + _out > 0 && Math.Abs(balance) <= 1;

        // One lost packet must not end it for good.
        _balance = isStep ? balance : 0;
        _in = 0;
        _out = 0;
        return isStep;
    }
}
