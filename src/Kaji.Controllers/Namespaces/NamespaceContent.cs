namespace Kaji.Controllers.Namespaces;

/// <summary>What of one resource is left in a namespace after its deletion was asked for.</summary>
/// <param name="GroupResource">As <c>deployments.apps</c>.</param>
/// <param name="Finalizers">How many objects each finalizer holds.</param>
internal sealed record NamespaceContent(string GroupResource, int Count, IReadOnlyDictionary<string, int> Finalizers);

/// <summary>What an attempt to empty a namespace came to.</summary>
/// <param name="DiscoveryFailure">Why the resources are not known; null when they are.</param>
/// <param name="DeletionFailures">Refusals by the server.</param>
internal sealed record NamespaceOutcome(IReadOnlyList<NamespaceContent> Remaining, string? DiscoveryFailure, IReadOnlyList<string> DeletionFailures)
{
    public bool IsEmpty => Remaining.Count == 0 && DiscoveryFailure is null && DeletionFailures.Count == 0;
}
