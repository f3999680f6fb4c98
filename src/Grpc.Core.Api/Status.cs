namespace Grpc.Core;

/// <summary>How a call ended: a code and a text for people.</summary>
public readonly struct Status
{
    /// <summary><see cref="StatusCode.OK"/> without a text.</summary>
    public static readonly Status DefaultSuccess = new(StatusCode.OK, "");

    /// <summary><see cref="StatusCode.Cancelled"/> without a text.</summary>
    public static readonly Status DefaultCancelled = new(StatusCode.Cancelled, "");

    /// <summary>Makes a status.</summary>
    /// <param name="statusCode">The code.</param>
    /// <param name="detail">The text, sent to the other side.</param>
    public Status(StatusCode statusCode, string detail)
        : this(statusCode, detail, null)
    {
    }

    /// <summary>Makes a status that remembers the exception behind it.</summary>
    /// <param name="statusCode">The code.</param>
    /// <param name="detail">The text, sent to the other side.</param>
    /// <param name="debugException">The cause, kept on this side and never sent.</param>
    public Status(StatusCode statusCode, string detail, Exception? debugException)
    {
        StatusCode = statusCode;
        Detail = detail;
        DebugException = debugException;
    }

    /// <summary>The code.</summary>
    public StatusCode StatusCode { get; }

    /// <summary>The text.</summary>
    public string Detail { get; }

    /// <summary>The exception on this side that led to the status, if one is known.</summary>
    public Exception? DebugException { get; }

    /// <summary>
    /// The code and the text, and the type and message of <see cref="DebugException"/> when there is one.
    /// </summary>
    /// <returns>One line for a log.</returns>
    public override string ToString() => DebugException is null
        ? $"Status(StatusCode=\"{StatusCode}\", Detail=\"{Detail}\")"
        : $"Status(StatusCode=\"{StatusCode}\", Detail=\"{Detail}\", "
            + $"DebugException=\"{DebugException.GetType()}: {DebugException.Message}\")";
}
