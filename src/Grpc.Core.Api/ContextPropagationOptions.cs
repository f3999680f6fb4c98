namespace Grpc.Core;

/// <summary>What a <see cref="ContextPropagationToken"/> is to hand on.</summary>
public class ContextPropagationOptions
{
    /// <summary>The deadline and cancellation both.</summary>
    public static readonly ContextPropagationOptions Default = new();

    /// <summary>Makes the options.</summary>
    /// <param name="propagateDeadline">Whether to hand on the deadline.</param>
    /// <param name="propagateCancellation">Whether to hand on cancellation.</param>
    public ContextPropagationOptions(bool propagateDeadline = true, bool propagateCancellation = true)
    {
        IsPropagateDeadline = propagateDeadline;
        IsPropagateCancellation = propagateCancellation;
    }

    /// <summary>Whether the deadline is handed on.</summary>
    public bool IsPropagateDeadline { get; }

    /// <summary>Whether cancellation is handed on.</summary>
    public bool IsPropagateCancellation { get; }
}
