namespace Kaji.Api.Kinds;

/// <summary>A served resource: a row of discovery.</summary>
/// <param name="Group">API group, empty for core.</param>
/// <param name="Version">Served version.</param>
/// <param name="Plural">As in the URL.</param>
/// <param name="Kind">As in <c>kind</c>.</param>
/// <param name="Singular">Singular name.</param>
/// <param name="Namespaced">Whether objects live in a namespace.</param>
public sealed record ResourceInfo(string Group, string Version, string Plural, string Kind, string Singular, bool Namespaced)
{
    /// <summary>For kubectl.</summary>
    public IReadOnlyList<string> ShortNames { get; init; } = [];

    /// <summary>As <c>all</c>.</summary>
    public IReadOnlyList<string> Categories { get; init; } = [];

    /// <summary>In discovery's order.</summary>
    public IReadOnlyList<string> Verbs { get; init; } = [];

    /// <summary>Of a custom resource: the version of its definition; null for built-in ones.</summary>
    public CustomResources.CustomVersion? Custom { get; init; }

    /// <summary>The kind of a list where it is not KIND + <c>List</c>.</summary>
    public string? ListKindName { get; init; }

    /// <summary>As <c>PodList</c>.</summary>
    public string ListKind => ListKindName ?? Kind + "List";

    /// <summary>Subresources.</summary>
    public IReadOnlyList<SubresourceInfo> Subresources { get; init; } = [];

    /// <summary><c>apps/v1</c>, or <c>v1</c> for core.</summary>
    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary><c>deployments.apps</c>, or <c>pods</c> for core.</summary>
    public string GroupResource => Group.Length == 0 ? Plural : $"{Plural}.{Group}";
}

/// <summary>A subresource: <c>status</c>, <c>scale</c>, <c>log</c> …</summary>
/// <param name="Name">The part after the object's name.</param>
/// <param name="Kind">The kind it takes.</param>
/// <param name="Verbs">Its verbs.</param>
/// <param name="KindApiVersion">Group/version of <paramref name="Kind"/> when not the parent's.</param>
public sealed record SubresourceInfo(string Name, string Kind, IReadOnlyList<string> Verbs, string? KindApiVersion = null);
