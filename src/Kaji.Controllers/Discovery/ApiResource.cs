namespace Kaji.Controllers.Discovery;

/// <summary>A resource as the server tells it, in the version it prefers.</summary>
internal sealed record ApiResource(string Group, string Version, string Plural, string Kind, bool Namespaced, IReadOnlyList<string> Verbs)
{
    /// <summary><c>deployments.apps</c>, or <c>pods</c> for core.</summary>
    public string GroupResource => Group.Length == 0 ? Plural : $"{Plural}.{Group}";

    public bool Can(string verb) => Verbs.Contains(verb, StringComparer.Ordinal);

    /// <param name="ns">Null or empty for all namespaces, or for a cluster-scoped resource.</param>
    public string Collection(string? ns)
    {
        var root = Group.Length == 0 ? $"/api/{Version}" : $"/apis/{Group}/{Version}";
        return Namespaced && !string.IsNullOrEmpty(ns) ? $"{root}/namespaces/{Uri.EscapeDataString(ns)}/{Plural}" : $"{root}/{Plural}";
    }

    public string Object(string? ns, string name) => $"{Collection(ns)}/{Uri.EscapeDataString(name)}";

    /// <summary>Records compare lists by reference; two discoveries of the same resource are the same.</summary>
    public bool Equals(ApiResource? other) =>
        other is not null && Group == other.Group && Version == other.Version && Plural == other.Plural && Kind == other.Kind && Namespaced == other.Namespaced && Verbs.SequenceEqual(other.Verbs, StringComparer.Ordinal);

    public override int GetHashCode() => HashCode.Combine(Group, Version, Plural, Kind);
}
