namespace Kaji.Conformance.Lifecycles;

/// <summary>A resource whose rows ask for every verb.</summary>
/// <param name="Collection">Path, with <c>{ns}</c> where it is namespaced.</param>
/// <param name="Kind">Of its objects.</param>
/// <param name="Body">An object's fields beside apiVersion, kind and metadata, as JSON members; <c>{ns}</c> is replaced.</param>
/// <param name="Status">A merge patch of the status subresource, and a part of what it must then read; null where there is none.</param>
public sealed record LifecycleCase(string Collection, string Kind, string Body = "", string? Status = null)
{
    /// <summary>For names that have a form of their own; <c>{0}</c> is a number.</summary>
    public string NameFormat { get; init; } = "";

    public string ApiVersion => Collection.StartsWith("/apis/", StringComparison.Ordinal) ? string.Join('/', Collection.Split('/')[2..4]) : "v1";

    public string Root => Collection.StartsWith("/apis/", StringComparison.Ordinal) ? string.Join('/', Collection.Split('/')[..4]) : "/api/v1";

    public string Plural => Collection.Split('/')[^1];

    public string Json(string ns, string name, string label) =>
        "{" + $"\"apiVersion\":\"{ApiVersion}\",\"kind\":\"{Kind}\",\"metadata\":" + Metadata(name, label) + (Body.Length > 0 ? "," + Body.Replace("{ns}", ns, StringComparison.Ordinal) : "") + "}";

    private static string Metadata(string name, string label) => $$$"""{"name":"{{{name}}}","labels":{"row":"{{{label}}}"} }""";

    public override string ToString() => $"{ApiVersion} {Plural}";
}
