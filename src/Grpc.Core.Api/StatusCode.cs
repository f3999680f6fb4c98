namespace Grpc.Core;

/// <summary>How a call ended: the number sent as the <c>grpc-status</c> trailer.</summary>
/// <remarks>The numbers are fixed by the gRPC specification (statuscodes.md).</remarks>
public enum StatusCode
{
    /// <summary>Success.</summary>
    OK = 0,

    /// <summary>The call was cancelled, as a rule by the caller.</summary>
    Cancelled = 1,

    /// <summary>An error of no known kind, such as an exception that the server's method let through.</summary>
    Unknown = 2,

    /// <summary>The request is wrong whatever the state of the system.</summary>
    InvalidArgument = 3,

    /// <summary>
    /// The deadline passed before the call was complete; the server may have done the work all the same.
    /// </summary>
    DeadlineExceeded = 4,

    /// <summary>A thing that the request names is not there.</summary>
    NotFound = 5,

    /// <summary>A thing to be created is there already.</summary>
    AlreadyExists = 6,

    /// <summary>The caller is known and not allowed to do this.</summary>
    PermissionDenied = 7,

    /// <summary>A limit is reached: a quota, memory, disk space or the size of a message.</summary>
    ResourceExhausted = 8,

    /// <summary>The system is not in the state that the request needs; do not repeat it until that is mended.</summary>
    FailedPrecondition = 9,

    /// <summary>The operation was broken off, for example by a conflict with another one.</summary>
    Aborted = 10,

    /// <summary>A position lies outside the valid range.</summary>
    OutOfRange = 11,

    /// <summary>The server does not have this method, or not here.</summary>
    Unimplemented = 12,

    /// <summary>Something that must always hold does not: a defect of the system.</summary>
    Internal = 13,

    /// <summary>The service cannot be reached now; a later attempt may succeed.</summary>
    Unavailable = 14,

    /// <summary>Data are lost or damaged beyond repair.</summary>
    DataLoss = 15,

    /// <summary>The caller did not prove who it is.</summary>
    Unauthenticated = 16,
}
