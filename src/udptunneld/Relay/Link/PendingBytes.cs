// SPDX-License-Identifier: BSD-3-Clause

namespace UdpTunnel.Relay.Link;

/// <summary>
/// Bytes on their way to a connection that did not take them yet. Belongs to the thread that writes; never grows beyond
/// its capacity.
/// </summary>
internal sealed class PendingBytes(int capacity)
{
    private readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(capacity);
    private int _start;
    private int _end;

    /// <summary>How many there are.</summary>
    public int Count => _end - _start;

    /// <summary>The bytes, oldest first.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(_start, _end - _start);

    /// <summary>Adds bytes.</summary>
    /// <returns>False if they do not fit.</returns>
    public bool TryAppend(ReadOnlySpan<byte> bytes)
    {
        if (_end + bytes.Length > _bytes.Length)
        {
            if (Count + bytes.Length > _bytes.Length)
            {
                return false;
            }

            Bytes.CopyTo(_bytes);
            _end -= _start;
            _start = 0;
        }

        bytes.CopyTo(_bytes.AsSpan(_end));
        _end += bytes.Length;
        return true;
    }

    /// <summary>Forgets what was sent.</summary>
    public void Remove(int count)
    {
        _start += count;
        if (_start == _end)
        {
            // Begin at the front again, so that an idle connection stays on the same few pages.
            _start = _end = 0;
        }
    }
}
