namespace Kaji.Cel;

/// <summary>The outcome of an evaluation: a value, or the text of an error; and what it cost.</summary>
public sealed record CelResult(object? Value, string? Error, ulong Cost)
{
    public bool IsError => Error is not null;

    /// <summary>It was stopped because it reached the limit of costs; the host then stops evaluating altogether.</summary>
    public bool IsCostLimitExceeded { get; init; }
}
