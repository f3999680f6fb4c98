// SPDX-License-Identifier: BSD-3-Clause

using System.Net.Sockets;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using UdpTunnel.Access;
using UdpTunnel.Config;
using UdpTunnel.Events;
using UdpTunnel.V1;

namespace UdpTunnel.Api;

/// <summary>
/// Stands before gRPC: lets each call through only if the caller's role suffices, which the path and the kernel's word
/// say before a byte of the message is read, and bounds what callers may have in the daemon: calls, and bytes of
/// messages. A caller that is refused gets its answer at once, and what it still sends is thrown away.
/// </summary>
internal sealed partial class RequestGate
{
    /// <summary>Calls at once, of all callers together.</summary>
    public const int Calls = 4096;

    /// <summary>Those of one user that is neither root nor the daemon's.</summary>
    public const int CallsPerUser = 512;

    /// <summary>Bytes of requests of all callers together.</summary>
    public const int Bytes = 64 * 1024 * 1024;

    /// <summary>Those of one user that is neither root nor the daemon's.</summary>
    public const int BytesPerUser = 8 * 1024 * 1024;

    /// <summary>The largest message: a configuration of 2 MiB and what is around it.</summary>
    public const int MaxMessage = 5 * 512 * 1024;

    /// <summary>The largest one of a method that only looks: the names of all tunnels, several times over.</summary>
    private const int MaxLookMessage = 256 * 1024;

    private readonly AccessPolicy _policy;
    private readonly TimeProvider _time;
    private readonly ILogger<RequestGate> _logger;
    private readonly DebugLog _debug;
    private readonly CallerPlaces _calls = new(Calls, CallsPerUser);
    private readonly CallerPlaces _bytes = new(Bytes, BytesPerUser);
    private readonly LimitReport _limits;
    private readonly BoundedLines<uint, Denial> _denials;
    private readonly BoundedLines<int, (string Method, Exception Error)> _failures;
    private long _denied;

    /// <param name="policy">Who may do what.</param>
    /// <param name="events">Where a bound that is hit is told.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">The log.</param>
    public RequestGate(AccessPolicy policy, EventLog events, TimeProvider time, ILogger<RequestGate> logger)
    {
        _debug = events.Debug;
        _policy = policy;
        _time = time;
        _logger = logger;
        _limits = new LimitReport(events, time, "");
        _denials = new BoundedLines<uint, Denial>(time, (d, more) =>
            LogDenied(Caller.DisplayTextOf(d.User), d.Process, d.Method, More(more))
        );
        _failures = new BoundedLines<int, (string Method, Exception Error)>(time, (f, more) =>
            LogFailed(f.Error, f.Method, More(more))
        );
    }

    /// <summary>Calls that were denied since the daemon started.</summary>
    public long Denied => Volatile.Read(ref _denied);

    /// <summary>Serves a call, or refuses it.</summary>
    public async Task ServeAsync(HttpContext context, RequestDelegate next)
    {
        Caller caller;
        try
        {
            caller = Caller.At(context.Features);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            context.Abort();
            return;
        }

        var method = context.Request.Path.Value ?? "";
        if (MethodRoles.Find(method) is { } required && Denial(caller, method, required) is { } denial)
        {
            Refuse(context, denial);
            return;
        }

        _debug.Write("", $"{caller.ToDisplayText()}, pid {caller.Process}, calls {Excerpt.Bare(method)}");
        var ranked = _policy.RankOf(caller);
        if (!_calls.TryTake(ranked))
        {
            var most = $"{Calls} calls, or {CallsPerUser} of one user, are being answered";
            _limits.Hit(Events.Limit.Streams, $"{most}: more are refused");
            Refuse(context, Errors.Exception(ErrorReason.LimitReached, $"{most} already, which is the most"));
            return;
        }

        await ServeAsync(context, next, ranked, method);
    }

    private static string More(long leftOut) => leftOut == 0 ? "" : $" (and {leftOut} more)";

    private static void Refuse(HttpContext context, RpcException e)
    {
        var headers = context.Response.Headers;
        context.Response.ContentType = "application/grpc";
        headers["grpc-status"] = ((int)e.StatusCode).ToString(System.Globalization.CultureInfo.InvariantCulture);
        headers["grpc-message"] = Uri.EscapeDataString(e.Status.Detail);
        foreach (var entry in e.Trailers)
        {
            headers[entry.Key] = entry.IsBinary
                ? System.Convert.ToBase64String(entry.ValueBytes).TrimEnd('=')
                : entry.Value;
        }
    }

    private async Task ServeAsync(HttpContext context, RequestDelegate next, RankedCaller caller, string method)
    {
        // Nothing is read yet, so what the request holds is bounded by the window of its connection.
        var role = MethodRoles.Find(method) ?? Role.Unspecified;
        var message = new BoundedMessage(
            context.Request.BodyReader,
            role == Role.Operate ? MaxMessage : MaxLookMessage,
            isStream: MethodRoles.TakesStream(method),
            _time,
            new BoundedMessage.Budget(count => _bytes.TryTake(caller, count), count => _bytes.GiveBack(caller, count))
        );
        context.Features.Set<IRequestBodyPipeFeature>(message);
        context.Response.OnCompleted(() =>
        {
            // The answer has left as well, or nobody wants it.
            message.Dispose();
            _calls.GiveBack(caller);
            return Task.CompletedTask;
        });
        try
        {
            await next(context);
            if (context.Response.HasStarted)
            {
                // gRPC leaves a single answer to the server, which calls the request done while the answer waits for
                // the caller's window.
                await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
            }
        }
        catch (Exception e)
        {
            if (!context.RequestAborted.IsCancellationRequested)
            {
                _failures.Add(0, (method, e));
            }

            context.Abort();
        }
    }

    private RpcException? Denial(Caller caller, string method, Role required)
    {
        var (role, reason) = _policy.RoleOf(caller);
        if (required != Role.Unspecified && role >= required)
        {
            return null;
        }

        Interlocked.Increment(ref _denied);
        _denials.Add(caller.User, new Denial(caller.User, caller.Process, method[1..]));
        return Errors.Exception(
            ErrorReason.RoleRequired,
            $"{method[1..]} needs {_policy.Needed(required)}; you (uid {caller.User}) are {reason}"
        );
    }

    [LoggerMessage(LogLevel.Warning, "denied to {User}, pid {Process}: {Method}{More}")]
    private partial void LogDenied(string user, int process, string method, string more);

    [LoggerMessage(LogLevel.Error, "{Method} failed{More}")]
    private partial void LogFailed(Exception e, string method, string more);
}

/// <summary>A call that its caller's role did not suffice for.</summary>
internal sealed record Denial(uint User, int Process, string Method);
