namespace Kaji.Cel.Values;

/// <summary>A value with fields: a view of JSON through a schema, or what <c>Object{…}</c> made.</summary>
public abstract class CelObject
{
    public abstract CelType CelType { get; }

    /// <summary>JSON names of the fields that are present.</summary>
    public abstract IEnumerable<string> FieldNames { get; }

    /// <summary>A field that is present, by its JSON name.</summary>
    public abstract bool TryGetByName(string jsonName, out object? value);

    /// <summary>A field that is present, by the name that expressions use.</summary>
    public bool TryGetField(string celName, out object? value)
    {
        if (Json.CelEscaping.TryUnescape(celName, out var name) && TryGetByName(name, out value))
        {
            return true;
        }

        return TryGetByName(celName, out value);
    }
}

/// <summary>What an object construction made.</summary>
public sealed class CelConstructed(CelType type, IReadOnlyDictionary<string, object?> fields) : CelObject
{
    public override CelType CelType => type;

    public override IEnumerable<string> FieldNames => fields.Keys;

    public override bool TryGetByName(string jsonName, out object? value) => fields.TryGetValue(jsonName, out value);
}
