namespace Grpc.Core;

/// <summary>The state of a channel.</summary>
public enum ConnectivityState
{
    /// <summary>No connection; the next call makes one.</summary>
    Idle,

    /// <summary>A connection is being made.</summary>
    Connecting,

    /// <summary>There is a connection.</summary>
    Ready,

    /// <summary>Connecting failed and is tried again later.</summary>
    TransientFailure,

    /// <summary>The channel is closed for good.</summary>
    Shutdown,
}
