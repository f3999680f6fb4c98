// SPDX-License-Identifier: BSD-3-Clause

using System.Diagnostics;
using System.Text;

namespace UdpTunnel.Cli.Daemon;

/// <summary>
/// The bytes of a daemon's control socket on another host: those of an ssh(1) that runs <c>udptunnelctl dial-stdio</c>
/// there. What ssh asks, it asks at the terminal itself.
/// </summary>
internal sealed class SshStream : Stream
{
    /// <summary>
    /// Ctrl-C goes to every process at the terminal. It is for this program, which ends ssh when it is done; the words
    /// for ssh come as arguments, and no shell reads them.
    /// </summary>
    private const string Script = "trap '' INT QUIT; exec ssh \"$@\"";

    /// <summary>What is kept of the text that ssh and the other host write.</summary>
    private const int MaxComplaint = 4096;

    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(2);

    private readonly Process _process;
    private readonly Stream _input;
    private readonly Stream _output;
    private readonly Task<string> _complaint;
    private readonly Lazy<Task<(int ExitCode, string Complaint)>> _end;

    private SshStream(Process process)
    {
        _process = process;
        _input = process.StandardInput.BaseStream;
        _output = process.StandardOutput.BaseStream;
        _complaint = ReadComplaintAsync(process.StandardError);
        _end = new(CloseAndWaitAsync);
    }

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Starts ssh.</summary>
    /// <param name="arguments">The words behind <c>ssh</c>.</param>
    public static SshStream Start(IEnumerable<string> arguments) =>
        new(
            Process.Start(
                new ProcessStartInfo("/bin/sh", ["-c", Script, "ssh", .. arguments])
                {
                    RedirectStandardInput = true,
                    RedirectStandardOutput = true,
                    RedirectStandardError = true,
                }
            )!
        );

    /// <summary>
    /// Ends it: gently at first, so that an ssh that has failed already can be asked why.
    /// </summary>
    /// <returns>What ssh ended with, and what it and the other host wrote.</returns>
    public Task<(int ExitCode, string Complaint)> EndAsync() => _end.Value;

    /// <inheritdoc/>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        _output.ReadAsync(buffer, cancellationToken);

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => _output.Read(buffer, offset, count);

    /// <inheritdoc/>
    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        _input.WriteAsync(buffer, cancellationToken);

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => _input.Write(buffer, offset, count);

    /// <inheritdoc/>
    public override void Flush() => _input.Flush();

    /// <inheritdoc/>
    public override Task FlushAsync(CancellationToken cancellationToken) => _input.FlushAsync(cancellationToken);

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _ = EndAsync();
        }

        base.Dispose(disposing);
    }

    private async Task<(int ExitCode, string Complaint)> CloseAndWaitAsync()
    {
        try
        {
            _input.Close();
        }
        catch (IOException)
        {
            // ssh has gone.
        }

        try
        {
            await _process.WaitForExitAsync().WaitAsync(EndPatience).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            _process.Kill();
            await _process.WaitForExitAsync().ConfigureAwait(false);
        }

        var result = (_process.ExitCode, await _complaint.ConfigureAwait(false));
        _process.Dispose();
        return result;
    }

    private static async Task<string> ReadComplaintAsync(StreamReader reader)
    {
        var kept = new StringBuilder();
        var buffer = new char[1024];
        while (await reader.ReadAsync(buffer).ConfigureAwait(false) is > 0 and var count)
        {
            kept.Append(buffer, 0, Math.Min(count, MaxComplaint - kept.Length));
        }

        return kept.ToString();
    }
}
