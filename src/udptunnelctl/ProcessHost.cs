// SPDX-License-Identifier: BSD-3-Clause

using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using UdpTunnel.Cli.Daemon;
using UdpTunnel.Cli.Live;

namespace UdpTunnel.Cli;

/// <summary>The <see cref="CommandHost"/> of the real process.</summary>
internal static class ProcessHost
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    /// <summary>
    /// Takes the process's streams, environment, signals and clock. Cheap: nothing is opened before it is used.
    /// </summary>
    public static CommandHost Create()
    {
        var output = Writer(1, Console.OpenStandardOutput, autoFlush: false);
        return new CommandHost
        {
            Output = output,
            OpenOutput = () => output.BaseStream,
            Error = Writer(2, Console.OpenStandardError, autoFlush: true),
            OpenInput = Console.OpenStandardInput,
            Terminal = new TerminalFacts
            {
                InputIsTerminal = !Console.IsInputRedirected,
                OutputIsTerminal = !Console.IsOutputRedirected,
                ErrorIsTerminal = !Console.IsErrorRedirected,
            },
            Environment = System.Environment.GetEnvironmentVariable,
            Connector = new DaemonConnector(ServiceManager.OfThisHost),
            OnInterrupt = action => new InterruptRegistration(action),
            TakeTerminal = (press, redraw, keepLast) =>
                new LiveTerminal(output, readsKeys: !Console.IsInputRedirected, keepLast, press, redraw),
            Service = ServiceManager.OfThisHost,
            IsForwarding = IsForwarding,
            HasDevice = device => Directory.Exists($"/sys/class/net/{device}"),
            HasAddress = HasAddress,
        };
    }

    private static bool IsForwarding()
    {
        try
        {
            return File.ReadAllText("/proc/sys/net/ipv4/ip_forward").Trim() == "1";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static bool HasAddress(IPAddress address)
    {
        try
        {
            using var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(address, 0));
            return true;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode != SocketError.AddressNotAvailable;
        }
    }

    /// <summary>
    /// A writer on a standard stream. The console's own stream hides EPIPE, so that <c>stats --watch | head</c> would
    /// never end: pipes are written through a file stream, which reports it. Regular files are not, because a file
    /// stream writes at an offset of its own, and two commands that share one redirection would overwrite each other.
    /// </summary>
    private static StreamWriter Writer(int descriptor, Func<Stream> console, bool autoFlush)
    {
        Stream stream;
        try
        {
            var file = new FileStream(
                new SafeFileHandle(descriptor, ownsHandle: false),
                FileAccess.Write,
                bufferSize: 0
            );
            stream = file.CanSeek ? console() : file;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            stream = console();
        }

        return new StreamWriter(stream, Utf8) { AutoFlush = autoFlush };
    }

    private sealed class InterruptRegistration : IDisposable
    {
        private readonly PosixSignalRegistration[] _registrations;

        public InterruptRegistration(Action action)
        {
            void Handle(PosixSignalContext context)
            {
                context.Cancel = true;
                action();
            }

            _registrations =
            [
                PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle),
                PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle),
                PosixSignalRegistration.Create(PosixSignal.SIGHUP, Handle),
                PosixSignalRegistration.Create(PosixSignal.SIGQUIT, Handle),
            ];
        }

        public void Dispose()
        {
            foreach (var registration in _registrations)
            {
                registration.Dispose();
            }
        }
    }
}
