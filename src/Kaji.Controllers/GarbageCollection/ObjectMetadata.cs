namespace Kaji.Controllers.GarbageCollection;

/// <summary>An owner that an object names.</summary>
internal sealed record OwnerRef(string ApiVersion, string Kind, string Name, string Uid, bool Block)
{
    public string Group => ApiVersion.IndexOf('/', StringComparison.Ordinal) is var slash and >= 0 ? ApiVersion[..slash] : "";
}

/// <summary>What ownership is made of: the part of an object's metadata that garbage collection reads.</summary>
internal sealed record ObjectMetadata(string Namespace, string Name, string Uid, string ResourceVersion, bool Deleting, IReadOnlyList<string> Finalizers, IReadOnlyList<OwnerRef> Owners)
{
    public const string ForegroundFinalizer = "foregroundDeletion";
    public const string OrphanFinalizer = "orphan";

    /// <summary>It goes when its dependents have gone.</summary>
    public bool WaitsForDependents => Deleting && Finalizers.Contains(ForegroundFinalizer, StringComparer.Ordinal);

    /// <summary>It goes when its dependents have been let go.</summary>
    public bool LetsDependentsGo => Deleting && Finalizers.Contains(OrphanFinalizer, StringComparer.Ordinal);
}
