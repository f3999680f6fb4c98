// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace UdpTunnel.Crypto;

/// <summary>
/// Bytes for keys, outside of the managed heap, where the garbage collector would leave copies behind. They are zeroed
/// before they go back to the system.
/// </summary>
internal sealed unsafe class SecretMemory : SafeHandle
{
    private readonly int _length;

    /// <param name="length">In bytes; all of them are zero at first.</param>
    public SecretMemory(int length)
        : base(0, ownsHandle: true)
    {
        _length = length;
        SetHandle((nint)NativeMemory.AllocZeroed((nuint)length));
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>The bytes; nobody may use them after this was disposed of.</summary>
    /// <exception cref="ObjectDisposedException">It was.</exception>
    public Span<byte> Bytes
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return new Span<byte>((void*)handle, _length);
        }
    }

    /// <summary>Zeroes all of it.</summary>
    public void Clear() => CryptographicOperations.ZeroMemory(Bytes);

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        CryptographicOperations.ZeroMemory(new Span<byte>((void*)handle, _length));
        NativeMemory.Free((void*)handle);
        return true;
    }
}
