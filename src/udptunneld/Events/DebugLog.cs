// SPDX-License-Identifier: BSD-3-Clause

using System.Globalization;
using System.Runtime.CompilerServices;

namespace UdpTunnel.Events;

/// <summary>
/// Messages for a person who looks for a fault. They are written while somebody wants them, which ends by itself, and
/// cost nothing else: not even their text is made. What strangers bring about is among them, so that there is a bound.
/// They hold no secret. Any thread.
/// </summary>
/// <param name="time">Its monotonic clock counts.</param>
/// <param name="logger">The log.</param>
internal sealed partial class DebugLog(TimeProvider time, ILogger logger)
{
    /// <summary>Lines a second; those beyond are counted.</summary>
    public const int MostPerSecond = 100;

    // Protects all below.
    private readonly Lock _gate = new();
    private ITimer? _end;
    private DateTimeOffset? _until;
    private long _second;
    private int _written;
    private long _leftOut;
    private volatile bool _isOn;

    /// <summary>Whether messages are written now.</summary>
    public bool IsOn => _isOn;

    /// <summary>Until when messages are written; null if they are not.</summary>
    public DateTimeOffset? Until
    {
        get
        {
            lock (_gate)
            {
                return _until;
            }
        }
    }

    /// <summary>Writes messages from now on, for a time that begins anew each time this is called.</summary>
    public void Enable(TimeSpan duration)
    {
        lock (_gate)
        {
            var until = time.GetUtcNow() + duration;
            _end?.Dispose();
            _end = time.CreateTimer(_ => End(until), null, duration, Timeout.InfiniteTimeSpan);
            (_until, _isOn) = (until, true);
            LogBegin(until.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));
        }
    }

    /// <summary>Writes no more.</summary>
    public void Disable() => End(null);

    /// <summary>Writes a message, if anybody wants it and there are not too many.</summary>
    /// <param name="subject">The tunnel or relay; empty for the daemon itself.</param>
    /// <param name="text">Is made only if messages are written.</param>
    public void Write(string subject, [InterpolatedStringHandlerArgument("")] ref DebugText text)
    {
        if (text.IsOn)
        {
            Write(subject, text.Take());
        }
    }

    /// <inheritdoc cref="Write(string, ref DebugText)"/>
    public void Write(string subject, string text)
    {
        long leftOut = 0;
        lock (_gate)
        {
            if (!_isOn)
            {
                return;
            }

            var second = time.GetTimestamp() / time.TimestampFrequency;
            if (second != _second)
            {
                (_second, _written) = (second, 0);
                (leftOut, _leftOut) = (_leftOut, 0);
            }

            if (++_written > MostPerSecond)
            {
                _leftOut++;
                return;
            }
        }

        if (leftOut > 0)
        {
            LogLeftOut(leftOut);
        }

        LogMessage(subject, subject.Length > 0 ? ": " : "", text);
    }

    /// <param name="until">The end that has come; null if somebody wants it now.</param>
    private void End(DateTimeOffset? until)
    {
        lock (_gate)
        {
            // A timer that was replaced may fire all the same.
            if (!_isOn || (until is not null && until != _until))
            {
                return;
            }

            _end?.Dispose();
            (_end, _until, _isOn) = (null, null, false);
            LogEnd();
        }
    }

    [LoggerMessage(LogLevel.Information, "debug messages are written until {Until}")]
    private partial void LogBegin(string until);

    [LoggerMessage(LogLevel.Information, "debug messages are no longer written")]
    private partial void LogEnd();

    [LoggerMessage(LogLevel.Debug, "{LeftOut} debug messages were left out: more than 100 a second")]
    private partial void LogLeftOut(long leftOut);

    [LoggerMessage(LogLevel.Debug, "{Subject}{Separator}{Text}")]
    private partial void LogMessage(string subject, string separator, string text);

    /// <summary>The text of a message, which is made only if it is written.</summary>
    [InterpolatedStringHandler]
    internal ref struct DebugText
    {
        private DefaultInterpolatedStringHandler _text;

        public DebugText(int literalLength, int formattedCount, DebugLog log, out bool isOn)
        {
            IsOn = isOn = log.IsOn;
            _text = isOn ? new(literalLength, formattedCount, CultureInfo.InvariantCulture) : default;
        }

        /// <summary>Whether there is a text.</summary>
        public readonly bool IsOn { get; }

        public void AppendLiteral(string value) => _text.AppendLiteral(value);

        public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);

        public void AppendFormatted<T>(T value, string? format) => _text.AppendFormatted(value, format);

        /// <summary>The text. Once.</summary>
        public string Take() => _text.ToStringAndClear();
    }
}
