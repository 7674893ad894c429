using System.Collections;

namespace Kaji.Cel.Values;

/// <summary>A list: a literal's array or a view of JSON.</summary>
public abstract class CelList : IReadOnlyList<object?>
{
    public abstract int Count { get; }

    /// <summary>How the schema says lists of this kind are compared and added.</summary>
    public virtual CelListKind Kind => CelListKind.Atomic;

    public virtual IReadOnlyList<string> MapKeys => [];

    public abstract object? this[int index] { get; }

    public IEnumerator<object?> GetEnumerator()
    {
        for (var i = 0; i < Count; i++)
        {
            yield return this[i];
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>A list that an expression made.</summary>
public sealed class CelArray(IReadOnlyList<object?> items) : CelList
{
    public static CelArray Empty { get; } = new([]);

    public override int Count => items.Count;

    public override object? this[int index] => items[index];
}
