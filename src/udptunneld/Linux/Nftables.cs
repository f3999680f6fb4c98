// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;

namespace UdpTunnel.Linux;

/// <summary>
/// One connection to the kernel's nftables through libnftables, which runs nft's language inside this process: no
/// command, no shell.
/// </summary>
/// <remarks>
/// A table with <c>flags owner</c> belongs to the netlink socket of the context that made it: nobody else can change
/// it, and the kernel removes it when the socket closes, also when this process is killed (Linux 5.12).
/// </remarks>
internal sealed partial class Nftables : IDisposable
{
    private nint _context;

    /// <exception cref="LinuxException">libnftables is not installed.</exception>
    public Nftables()
    {
        try
        {
            _context = New(0);
        }
        catch (DllNotFoundException)
        {
            throw new LinuxException("cannot load libnftables.so.1 (Debian package libnftables1)", Errno.NoEntry);
        }

        if (_context == 0)
        {
            throw new LinuxException("cannot start libnftables", Errno.OutOfMemory);
        }

        _ = BufferErrors(_context);
        _ = BufferOutput(_context);
    }

    /// <summary>Runs commands as one transaction: all of them or none.</summary>
    /// <returns>Null, or what nft says is wrong.</returns>
    public string? Run(string commands)
    {
        if (Run(_context, commands) == 0)
        {
            Forget();
            return null;
        }

        // The first line has the reason; the others repeat our own command.
        var text = Marshal.PtrToStringUTF8(GetErrors(_context))?.Trim().Split('\n')[0];
        return string.IsNullOrEmpty(text) ? "no reason given" : text.Replace("Error: ", "", StringComparison.Ordinal);
    }

    /// <summary>Asks for something, and gets it as libnftables-json(5) describes.</summary>
    /// <remarks>
    /// Not for what shows tables (<c>list ruleset</c>, <c>list tables</c>): libnftables 1.0.6, Debian 12's, uses memory
    /// that it has freed to name the one flag of a table, such as the owner flag of ours, and ends the process with it.
    /// </remarks>
    /// <param name="question">For example "list chains".</param>
    /// <exception cref="LinuxException">CAP_NET_ADMIN is missing.</exception>
    public string List(string question)
    {
        const uint Json = 1 << 4;
        SetOutput(_context, Json);
        return Run(_context, question) == 0
            ? Marshal.PtrToStringUTF8(GetOutput(_context)) ?? ""
            : throw new LinuxException("cannot read the rules of nftables", Errno.NotPermitted);
    }

    /// <summary>Closes the connection; the kernel removes the tables that it owns.</summary>
    public void Dispose()
    {
        if (_context != 0)
        {
            Free(_context);
            _context = 0;
        }
    }

    /// <summary>
    /// Before a command libnftables reads all tables of the host, and keeps half a megabyte of each until the next
    /// command: forty guarded tunnels held 430 MB. It lets go of them when a command fails, so here is one that does.
    /// The C library would keep what was freed in a heap for each thread that ever ran commands.
    /// </summary>
    private void Forget()
    {
        _ = Run(_context, "?");

        // Also empties the buffer: the next error is not to begin with this one.
        _ = GetErrors(_context);
        _ = Libc.TrimHeaps(0);
    }

    [LibraryImport("libnftables.so.1", EntryPoint = "nft_ctx_new")]
    private static partial nint New(uint flags);

    [LibraryImport("libnftables.so.1", EntryPoint = "nft_ctx_free")]
    private static partial void Free(nint context);

    [LibraryImport("libnftables.so.1", EntryPoint = "nft_ctx_buffer_error")]
    private static partial int BufferErrors(nint context);

    [LibraryImport("libnftables.so.1", EntryPoint = "nft_ctx_buffer_output")]
    private static partial int BufferOutput(nint context);

    [LibraryImport("libnftables.so.1", EntryPoint = "nft_ctx_get_error_buffer")]
    private static partial nint GetErrors(nint context);

    [LibraryImport("libnftables.so.1", EntryPoint = "nft_ctx_get_output_buffer")]
    private static partial nint GetOutput(nint context);

    [LibraryImport("libnftables.so.1", EntryPoint = "nft_ctx_output_set_flags")]
    private static partial void SetOutput(nint context, uint flags);

    [LibraryImport(
        "libnftables.so.1",
        EntryPoint = "nft_run_cmd_from_buffer",
        StringMarshalling = StringMarshalling.Utf8
    )]
    private static partial int Run(nint context, string commands);
}
