// SPDX-License-Identifier: BSD-3-Clause

using System.Runtime.InteropServices;

namespace UdpTunnel.Cli.Failures;

/// <summary>Texts for errors of the operating system.</summary>
internal static class SystemError
{
    /// <summary>MAX_ERRNO in include/linux/err.h.</summary>
    private const int LargestErrno = 4095;

    /// <summary>
    /// The system's own text for an error that .NET kept the errno of, for example <c>No space left on device</c>. The
    /// exception's message would be a resource key, since the framework's texts are left out of the program.
    /// </summary>
    public static string Text(IOException exception) =>
        exception switch
        {
            FileNotFoundException or DirectoryNotFoundException => "No such file or directory",
            PathTooLongException => "File name too long",
            _ when HasErrno(exception) => Marshal.GetPInvokeErrorMessage(exception.HResult),
            _ => "input/output error",
        };

    /// <summary>
    /// .NET kept the errno. It does so for what it has no exception of its own for; those have HRESULTs, which are
    /// negative.
    /// </summary>
    public static bool HasErrno(IOException exception) => exception.HResult is > 0 and <= LargestErrno;
}
