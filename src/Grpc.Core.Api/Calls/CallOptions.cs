namespace Grpc.Core;

/// <summary>The settings of one call; each <c>With</c> method returns a changed copy.</summary>
public readonly struct CallOptions
{
    /// <summary>Makes the options.</summary>
    /// <param name="headers">The request headers, none if null.</param>
    /// <param name="deadline">When to give up, in UTC; never if null.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <param name="writeOptions">How to write requests; null for the defaults.</param>
    /// <param name="propagationToken">
    /// From the server's call that this call is part of; see <see cref="PropagationToken"/>.
    /// </param>
    /// <param name="credentials">Credentials for this call alone.</param>
    public CallOptions(
        Metadata? headers = null,
        DateTime? deadline = null,
        CancellationToken cancellationToken = default,
        WriteOptions? writeOptions = null,
        ContextPropagationToken? propagationToken = null,
        CallCredentials? credentials = null)
    {
        Headers = headers;
        Deadline = deadline;
        CancellationToken = cancellationToken;
        WriteOptions = writeOptions;
        PropagationToken = propagationToken;
        Credentials = credentials;
    }

    /// <summary>The request headers.</summary>
    public Metadata? Headers { get; private init; }

    /// <summary>When to give up, in UTC.</summary>
    public DateTime? Deadline { get; private init; }

    /// <summary>Cancels the call.</summary>
    public CancellationToken CancellationToken { get; private init; }

    /// <summary>How to write requests.</summary>
    public WriteOptions? WriteOptions { get; private init; }

    /// <summary>From the server's call that this call is part of. Grpc.Net.Client does not look at it.</summary>
    public ContextPropagationToken? PropagationToken { get; private init; }

    /// <summary>Credentials for this call alone.</summary>
    public CallCredentials? Credentials { get; private init; }

    /// <summary>
    /// Whether to wait for a connection instead of failing with <see cref="StatusCode.Unavailable"/>.
    /// </summary>
    public bool IsWaitForReady { get; private init; }

    /// <summary>Changes <see cref="Headers"/>.</summary>
    /// <param name="headers">The request headers.</param>
    /// <returns>The changed copy.</returns>
    public CallOptions WithHeaders(Metadata headers) => this with { Headers = headers };

    /// <summary>Changes <see cref="Deadline"/>.</summary>
    /// <param name="deadline">When to give up, in UTC.</param>
    /// <returns>The changed copy.</returns>
    public CallOptions WithDeadline(DateTime deadline) => this with { Deadline = deadline };

    /// <summary>Changes <see cref="CancellationToken"/>.</summary>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>The changed copy.</returns>
    public CallOptions WithCancellationToken(CancellationToken cancellationToken) =>
        this with { CancellationToken = cancellationToken };

    /// <summary>Changes <see cref="WriteOptions"/>.</summary>
    /// <param name="writeOptions">How to write requests.</param>
    /// <returns>The changed copy.</returns>
    public CallOptions WithWriteOptions(WriteOptions writeOptions) => this with { WriteOptions = writeOptions };

    /// <summary>Changes <see cref="PropagationToken"/>.</summary>
    /// <param name="propagationToken">From the server's call that this call is part of.</param>
    /// <returns>The changed copy.</returns>
    public CallOptions WithPropagationToken(ContextPropagationToken propagationToken) =>
        this with { PropagationToken = propagationToken };

    /// <summary>Changes <see cref="Credentials"/>.</summary>
    /// <param name="credentials">Credentials for this call alone.</param>
    /// <returns>The changed copy.</returns>
    public CallOptions WithCredentials(CallCredentials credentials) => this with { Credentials = credentials };

    /// <summary>Changes <see cref="IsWaitForReady"/>.</summary>
    /// <param name="waitForReady">Whether to wait for a connection.</param>
    /// <returns>The changed copy.</returns>
    public CallOptions WithWaitForReady(bool waitForReady = true) => this with { IsWaitForReady = waitForReady };
}
