namespace Kaji.Api;

/// <summary>
/// A refusal: what becomes a <c>Status</c> of kind Failure on the wire (reasons and codes of metav1.StatusReason). Returned as a value from
/// plans and validators; carried by <see cref="ApiErrorException"/> where a call stack is in between.
/// </summary>
/// <param name="Code">HTTP status code.</param>
/// <param name="Reason">metav1.StatusReason, as <c>NotFound</c>.</param>
/// <param name="Message">The sentence.</param>
public sealed record ApiError(int Code, string Reason, string Message)
{
    /// <summary>details.name.</summary>
    public string? Name { get; init; }

    /// <summary>details.group.</summary>
    public string? Group { get; init; }

    /// <summary>details.kind: the resource's plural, or the kind for Invalid.</summary>
    public string? Kind { get; init; }

    /// <summary>details.uid.</summary>
    public string? Uid { get; init; }

    /// <summary>details.retryAfterSeconds; 0 for none.</summary>
    public int RetryAfterSeconds { get; init; }

    /// <summary>metadata.continue: where a list whose first page's version is gone can still be read on.</summary>
    public string? Continue { get; init; }

    /// <summary>details.causes.</summary>
    public IReadOnlyList<FieldError> Causes { get; init; } = [];
}

/// <summary>Carries an <see cref="ApiError"/> up to the place that writes the response.</summary>
public sealed class ApiErrorException(ApiError error) : Exception(error.Message)
{
    /// <summary>The refusal.</summary>
    public ApiError Error { get; } = error;
}
