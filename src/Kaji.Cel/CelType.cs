using Kaji.Cel.Json;

namespace Kaji.Cel;

/// <summary>
/// A type as the checker knows it, as the value of <c>type(x)</c>, and as the schema through which JSON is read. Two object types are the same when their names are.
/// </summary>
public sealed class CelType
{
    private static readonly IReadOnlyDictionary<string, CelType> NoFields = new Dictionary<string, CelType>(StringComparer.Ordinal);
    private readonly Lazy<IReadOnlyDictionary<string, CelType>>? fields;

    private CelType(CelTypeKind kind, string name, CelType[]? parameters = null, Lazy<IReadOnlyDictionary<string, CelType>>? fields = null)
    {
        Kind = kind;
        Name = name;
        Parameters = parameters ?? [];
        this.fields = fields;
    }

    private CelType(CelType other, CelType[]? parameters = null, Lazy<IReadOnlyDictionary<string, CelType>>? otherFields = null)
    {
        Kind = other.Kind;
        Name = other.Name;
        Parameters = parameters ?? other.Parameters;
        fields = otherFields ?? other.fields;
        IsOpen = other.IsOpen;
        MaxSize = other.MaxSize;
        ListKind = other.ListKind;
        ListMapKeys = other.ListMapKeys;
        IsNullable = other.IsNullable;
        IsDate = other.IsDate;
        MinJsonSize = other.MinJsonSize;
    }

    public static CelType Dyn { get; } = new(CelTypeKind.Dyn, "dyn");

    public static CelType Null { get; } = new(CelTypeKind.Null, "null_type");

    public static CelType Bool { get; } = new(CelTypeKind.Bool, "bool");

    public static CelType Int { get; } = new(CelTypeKind.Int, "int");

    public static CelType Uint { get; } = new(CelTypeKind.Uint, "uint");

    public static CelType Double { get; } = new(CelTypeKind.Double, "double");

    public static CelType String { get; } = new(CelTypeKind.String, "string");

    public static CelType Bytes { get; } = new(CelTypeKind.Bytes, "bytes");

    public static CelType Timestamp { get; } = new(CelTypeKind.Timestamp, "google.protobuf.Timestamp");

    public static CelType Duration { get; } = new(CelTypeKind.Duration, "google.protobuf.Duration");

    /// <summary>A timestamp whose JSON is a day only (format: date).</summary>
    public static CelType Date { get; } = new(Timestamp) { IsDate = true };

    /// <summary>The type of an expression that has already been complained about.</summary>
    internal static CelType Error { get; } = new(CelTypeKind.Error, "!error!");

    public CelTypeKind Kind { get; }

    /// <summary>The name as <c>type(x)</c> tells it.</summary>
    public string Name { get; }

    /// <summary>Element of a list or optional, key and value of a map, what a type names.</summary>
    public IReadOnlyList<CelType> Parameters { get; }

    /// <summary>Fields of an object by their JSON names.</summary>
    public IReadOnlyDictionary<string, CelType> Fields => fields?.Value ?? NoFields;

    /// <summary>An object that takes any field (its fields are dyn).</summary>
    public bool IsOpen { get; private init; }

    /// <summary>Most elements of a list or map, most code points of a string, most bytes: what the cost estimate multiplies with. Null is unknown.</summary>
    public long? MaxSize { get; private init; }

    public CelListKind ListKind { get; private init; }

    public IReadOnlyList<string> ListMapKeys { get; private init; } = [];

    /// <summary>A JSON null in a field of this type is a value rather than an absent field.</summary>
    public bool IsNullable { get; private init; }

    /// <summary>Fewest bytes of a value's JSON, where the schema says more than the kind does (required fields).</summary>
    public long? MinJsonSize { get; private init; }

    internal bool IsDate { get; private init; }

    internal CelType Element => Parameters[0];

    internal CelType Value => Parameters[1];

    public static CelType List(CelType element) => new(CelTypeKind.List, "list", [element]);

    public static CelType Map(CelType key, CelType value) => new(CelTypeKind.Map, "map", [key, value]);

    public static CelType Optional(CelType value) => new(CelTypeKind.Optional, "optional_type", [value]);

    /// <summary>An object with the fields of a schema, named as in JSON; expressions name them escaped (<c>foo-bar</c> is <c>foo__dash__bar</c>).</summary>
    public static CelType Object(string name, IReadOnlyDictionary<string, CelType> fields) =>
        new(CelTypeKind.Object, name, fields: new Lazy<IReadOnlyDictionary<string, CelType>>(fields));

    /// <summary>An object whose fields are made when first asked for: for schemas that refer to themselves.</summary>
    public static CelType Object(string name, Func<IReadOnlyDictionary<string, CelType>> fields) =>
        new(CelTypeKind.Object, name, fields: new Lazy<IReadOnlyDictionary<string, CelType>>(fields));

    /// <summary>An object that takes every field.</summary>
    public static CelType OpenObject(string name) => new(CelTypeKind.Object, name) { IsOpen = true };

    /// <summary>A type of the host: values implement <see cref="Values.ICelOpaque"/>, functions do the rest.</summary>
    public static CelType Named(string name) => new(CelTypeKind.Named, name);

    /// <summary>A type parameter of an overload, as A in list(A).</summary>
    public static CelType Parameter(string name) => new(CelTypeKind.Parameter, name);

    /// <summary>The type of a type.</summary>
    public static CelType TypeOf(CelType named) => new(CelTypeKind.Type, "type", [named]);

    /// <summary>With a bound of size (maxItems, maxProperties, maxLength).</summary>
    public CelType WithMaxSize(long? size) => new(this) { MaxSize = size };

    /// <summary>With the fewest bytes that a value's JSON takes.</summary>
    public CelType WithMinJsonSize(long bytes) => new(this) { MinJsonSize = bytes };

    /// <summary>x-kubernetes-list-type: set.</summary>
    public CelType AsSet() => new(this) { ListKind = CelListKind.Set };

    /// <summary>x-kubernetes-list-type: map.</summary>
    public CelType AsListMap(params string[] keys) => new(this) { ListKind = CelListKind.Map, ListMapKeys = keys };

    /// <summary>nullable: true.</summary>
    public CelType AsNullable() => new(this) { IsNullable = true };

    /// <summary>The type of a field, asked for by the name that an expression uses.</summary>
    public bool TryGetField(string celName, out CelType type)
    {
        if (IsOpen)
        {
            type = Dyn;
            return true;
        }

        if (CelEscaping.TryUnescape(celName, out var name) && Fields.TryGetValue(name, out var found))
        {
            type = found;
            return true;
        }

        type = Error;
        return Fields.TryGetValue(celName, out type!);
    }

    public bool Is(CelType other)
    {
        if (Kind != other.Kind || Parameters.Count != other.Parameters.Count)
        {
            return false;
        }

        if (Kind is CelTypeKind.Object or CelTypeKind.Named or CelTypeKind.Parameter && Name != other.Name)
        {
            return false;
        }

        for (var i = 0; i < Parameters.Count; i++)
        {
            if (!Parameters[i].Is(other.Parameters[i]))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>As error texts write types: <c>map(string, list(int))</c>.</summary>
    public override string ToString() => Kind switch
    {
        CelTypeKind.Null => "null",
        CelTypeKind.Timestamp => "timestamp",
        CelTypeKind.Duration => "duration",
        _ when Parameters.Count > 0 => $"{Name}({string.Join(", ", Parameters)})",
        _ => Name,
    };

    internal CelType With(CelType[] parameters) => new(this, parameters);

    internal CelType WithFields(Func<IReadOnlyDictionary<string, CelType>> made) => new(this, null, new Lazy<IReadOnlyDictionary<string, CelType>>(made));
}
