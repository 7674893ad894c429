namespace Kaji.Controllers.GarbageCollection;

/// <summary>How an owner that an object names was found.</summary>
internal enum OwnerState
{
    /// <summary>It is there.</summary>
    Solid,

    /// <summary>It is not, or another object has its name.</summary>
    Absent,

    /// <summary>It is being deleted and waits for its dependents.</summary>
    Waiting,
}

/// <summary>What is to be done with an object that has owners.</summary>
internal abstract record GarbageAction
{
    /// <summary>Nothing.</summary>
    public sealed record Keep : GarbageAction;

    /// <summary>These owners are let go of; the object stays for the others.</summary>
    public sealed record DropOwners(IReadOnlyList<OwnerRef> Remaining) : GarbageAction;

    /// <summary>The object goes.</summary>
    /// <param name="Policy">Background, Foreground or Orphan.</param>
    /// <param name="Unblock">The object's own references must stop blocking first: it and a dependent wait for each other.</param>
    public sealed record Delete(string Policy, bool Unblock) : GarbageAction;
}

/// <summary>The rules of https://kubernetes.io/docs/concepts/architecture/garbage-collection/ for one object. Pure.</summary>
internal static class GarbagePlan
{
    /// <param name="owners">The state of each of the object's owners, in order.</param>
    /// <param name="hasDependents">Whether the object owns others.</param>
    /// <param name="dependentWaits">Whether one of those is itself being deleted in the foreground.</param>
    public static GarbageAction Of(ObjectMetadata obj, IReadOnlyList<OwnerState> owners, bool hasDependents, bool dependentWaits)
    {
        if (obj.Deleting || obj.Owners.Count == 0)
        {
            return new GarbageAction.Keep();
        }

        var remaining = obj.Owners.Where((_, i) => owners[i] == OwnerState.Solid).ToArray();
        if (remaining.Length > 0)
        {
            return remaining.Length == obj.Owners.Count ? new GarbageAction.Keep() : new GarbageAction.DropOwners(remaining);
        }

        if (owners.Contains(OwnerState.Waiting) && hasDependents)
        {
            return new GarbageAction.Delete("Foreground", Unblock: dependentWaits);
        }

        var policy = obj.Finalizers.Contains(ObjectMetadata.OrphanFinalizer, StringComparer.Ordinal) ? "Orphan"
            : obj.Finalizers.Contains(ObjectMetadata.ForegroundFinalizer, StringComparer.Ordinal) ? "Foreground" : "Background";
        return new GarbageAction.Delete(policy, Unblock: false);
    }
}
