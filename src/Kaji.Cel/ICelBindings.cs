namespace Kaji.Cel;

/// <summary>Values of the variables of one evaluation; asked for only when an expression reads them.</summary>
public interface ICelBindings
{
    bool TryGet(string name, out object? value);
}

/// <summary>Bindings from a dictionary; a value that is a <c>Func&lt;object?&gt;</c> is called once, when first read.</summary>
public sealed class CelBindings(IReadOnlyDictionary<string, object?> values) : ICelBindings
{
    private readonly Dictionary<string, object?> made = new(StringComparer.Ordinal);

    public static CelBindings Empty { get; } = new(new Dictionary<string, object?>(StringComparer.Ordinal));

    public bool TryGet(string name, out object? value)
    {
        if (!values.TryGetValue(name, out value))
        {
            return false;
        }

        if (value is Func<object?> make && !made.TryGetValue(name, out value))
        {
            made[name] = value = make();
        }

        return true;
    }
}
