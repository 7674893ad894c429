namespace Kaji.Controllers.ReplicaSets;

/// <summary>Why Pods could not be made or deleted, as the condition ReplicaFailure tells it.</summary>
/// <param name="Reason">FailedCreate or FailedDelete.</param>
/// <param name="Message">What the API server said.</param>
internal sealed record PodFailure(string Reason, string Message)
{
    public const string Condition = "ReplicaFailure";
}
