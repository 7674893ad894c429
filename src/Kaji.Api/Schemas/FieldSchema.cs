namespace Kaji.Api.Schemas;

/// <summary>What the values of a field are.</summary>
public enum FieldType
{
    String,
    Integer,
    Number,
    Boolean,

    /// <summary>Of a definition with fields (or a scalar alias such as Quantity or Time: a definition without fields).</summary>
    Object,

    /// <summary>Anything.</summary>
    Any,
}

/// <summary>Whether the field holds one value, a list of them, or a map from strings to them.</summary>
public enum FieldShape
{
    One,
    List,
    Map,
}

/// <summary>One field of a definition.</summary>
/// <param name="Name">As in JSON.</param>
/// <param name="Type">Of the value, the items, or the map's values.</param>
/// <param name="Shape">One, list or map.</param>
/// <param name="Reference">Short name of the definition when <paramref name="Type"/> is Object.</param>
public sealed record FieldSchema(string Name, FieldType Type, FieldShape Shape, string? Reference)
{
    /// <summary>OpenAPI format of a scalar, as <c>int32</c>.</summary>
    public string? Format { get; init; }

    public bool Required { get; init; }

    /// <summary>The default that OpenAPI states, as JSON text.</summary>
    public string? Default { get; init; }

    /// <summary><c>merge</c>, <c>replace</c>, <c>retainKeys</c> or a list of them, for strategic merge.</summary>
    public string? PatchStrategy { get; init; }

    public string? PatchMergeKey { get; init; }

    /// <summary><c>atomic</c>, <c>set</c>, <c>map</c>, <c>granular</c>.</summary>
    public string? ListType { get; init; }

    public IReadOnlyList<string> ListMapKeys { get; init; } = [];

    /// <summary>The value is a map that lists hold (<c>map[[]string]</c>).</summary>
    public bool ListInMap { get; init; }
}

/// <summary>A type of the API, as <c>io.k8s.api.core.v1.PodSpec</c>.</summary>
public sealed class Definition(string name, IReadOnlyList<FieldSchema> fields)
{
    private readonly Dictionary<string, FieldSchema> _byName = fields.ToDictionary(f => f.Name, StringComparer.Ordinal);

    public string Name { get; } = name;

    public IReadOnlyList<FieldSchema> Fields { get; } = fields;

    public FieldSchema? Field(string field) => _byName.GetValueOrDefault(field);
}
