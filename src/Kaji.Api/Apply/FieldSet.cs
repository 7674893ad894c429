using System.Text.Json.Nodes;

namespace Kaji.Api.Apply;

/// <summary>
/// A set of paths through an object, as a trie; a set that has been handed out never changes.
/// </summary>
/// <example>
/// <code>
/// .metadata.labels, .metadata.labels.app, .spec.replicas      as FieldsV1:
/// {"f:metadata": {"f:labels": {".": {}, "f:app": {}}}, "f:spec": {"f:replicas": {}}}
/// </code>
/// A node with children is itself in the set when it has <c>.</c>; a node without children always is.
/// </example>
public sealed class FieldSet : IEquatable<FieldSet>
{
    private readonly bool _member;
    private readonly Dictionary<string, FieldSet>? _children;

    private FieldSet(bool member, Dictionary<string, FieldSet>? children) => (_member, _children) = (member, children is { Count: > 0 } ? children : null);

    public static FieldSet Empty { get; } = new(false, null);

    /// <summary>A path's end.</summary>
    public static FieldSet Leaf { get; } = new(true, null);

    public bool IsEmpty => !_member && _children is null;

    /// <summary>Whether the path to this node is in the set itself.</summary>
    public bool IsMember => _member;

    public IReadOnlyDictionary<string, FieldSet> Children => _children ?? EmptyChildren;

    private static Dictionary<string, FieldSet> EmptyChildren { get; } = [];

    /// <summary>A node of these parts; empty children are left out.</summary>
    public static FieldSet Of(bool member, Dictionary<string, FieldSet>? children) =>
        children is { Count: > 0 } ? new FieldSet(member, children) : member ? Leaf : Empty;

    /// <summary>A set of paths, each a list of elements.</summary>
    public static FieldSet OfPaths(params IEnumerable<IReadOnlyList<string>> paths) => paths.Aggregate(Empty, (set, path) => set.Union(Path(path, 0)));

    /// <summary>Reads FieldsV1.</summary>
    /// <returns>Null when it is not well-formed.</returns>
    public static FieldSet? Parse(JsonObject fields)
    {
        Dictionary<string, FieldSet>? children = null;
        var member = false;
        foreach (var (element, below) in fields)
        {
            if (below is not JsonObject inner)
            {
                return null;
            }

            if (element == ".")
            {
                member = true;
                continue;
            }

            if (!PathElement.IsValid(element) || (inner.Count == 0 ? Leaf : Parse(inner)) is not { } child)
            {
                return null;
            }

            (children ??= new(StringComparer.Ordinal))[element] = child;
        }

        return Of(member, children);
    }

    /// <summary>As FieldsV1, in Kubernetes' canonical order.</summary>
    public JsonObject ToJson()
    {
        var json = new JsonObject();
        if (_children is null)
        {
            return json;
        }

        if (_member)
        {
            json["."] = new JsonObject();
        }

        if (_children.Count == 1)
        {
            foreach (var (element, child) in _children)
            {
                json[element] = child.ToJson();
            }

            return json;
        }

        var names = _children.Keys.ToArray();
        Array.Sort(names, PathElement.Order);
        foreach (var name in names)
        {
            json[name] = _children[name].ToJson();
        }

        return json;
    }

    public FieldSet Child(string element) => _children?.GetValueOrDefault(element) ?? Empty;

    public bool Has(IReadOnlyList<string> path)
    {
        var at = this;
        foreach (var element in path)
        {
            at = at.Child(element);
        }

        return at._member;
    }

    public FieldSet Union(FieldSet other)
    {
        if (other.IsEmpty || ReferenceEquals(this, other))
        {
            return this;
        }

        if (IsEmpty)
        {
            return other;
        }

        if (other._children is null)
        {
            return _member ? this : Of(true, _children);
        }

        var children = _children is null ? new(StringComparer.Ordinal) : new Dictionary<string, FieldSet>(_children, StringComparer.Ordinal);
        foreach (var (element, child) in other._children)
        {
            children[element] = children.TryGetValue(element, out var mine) ? mine.Union(child) : child;
        }

        return Of(_member || other._member, children);
    }

    public FieldSet Intersection(FieldSet other) => Combine(other, _member && other._member, keepUnmatched: false, static (a, b) => a.Intersection(b));

    /// <summary>Without the paths that are in <paramref name="other"/>; what lies below them stays.</summary>
    public FieldSet Difference(FieldSet other) => other.IsEmpty ? this : Combine(other, _member && !other._member, keepUnmatched: true, static (a, b) => a.Difference(b));

    /// <summary>Without the paths that are in <paramref name="other"/> and all below them.</summary>
    public FieldSet RecursiveDifference(FieldSet other) => other.IsEmpty ? this : Combine(other, _member, keepUnmatched: true, static (a, b) => b._member ? Empty : a.RecursiveDifference(b));

    /// <summary>With only the first elements that <paramref name="keep"/> takes.</summary>
    public FieldSet Filter(Func<string, bool> keep) =>
        _children is null || _children.Keys.All(keep) ? this : Of(_member, new Dictionary<string, FieldSet>(_children.Where(c => keep(c.Key)), StringComparer.Ordinal));

    /// <summary>Declared fields with something below them become members: what removing a struct's fields one by one needs.</summary>
    public FieldSet EnsureNamedFieldsAreMembers(Atom atom)
    {
        if (_children is null)
        {
            return this;
        }

        var children = new Dictionary<string, FieldSet>(_children.Count, StringComparer.Ordinal);
        foreach (var (element, child) in _children)
        {
            var declared = element[0] == 'f' ? atom.Field(element[2..]) : null;
            var below = child.EnsureNamedFieldsAreMembers(declared?.Type ?? atom.Element ?? Atom.Deduced);
            children[element] = declared is null || below._member ? below : Of(true, below._children);
        }

        return Of(_member, children);
    }

    /// <summary>All paths, in order.</summary>
    public IEnumerable<IReadOnlyList<string>> Paths() => Paths([]);

    /// <summary>Whether a FieldsV1 document has a path of this set; only what this set names is looked at.</summary>
    public bool Overlaps(JsonObject fields)
    {
        if (_children is null)
        {
            return false;
        }

        foreach (var (element, child) in _children)
        {
            if (fields[element] is JsonObject below && ((child._member && (below.Count == 0 || below.ContainsKey("."))) || child.Overlaps(below)))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether a FieldsV1 document has all paths of this set.</summary>
    public bool IsWithin(JsonObject fields)
    {
        if (_children is null)
        {
            return true;
        }

        foreach (var (element, child) in _children)
        {
            if (fields[element] is not JsonObject below || (child._member && below.Count > 0 && !below.ContainsKey(".")) || !child.IsWithin(below))
            {
                return false;
            }
        }

        return true;
    }

    public bool Equals(FieldSet? other) =>
        other is not null && (ReferenceEquals(this, other) || (_member == other._member && Children.Count == other.Children.Count && Children.All(c => other.Children.TryGetValue(c.Key, out var theirs) && c.Value.Equals(theirs))));

    public override bool Equals(object? obj) => obj is FieldSet other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(_member, Children.Count);

    /// <summary>A path as error messages show it.</summary>
    public static string Show(IReadOnlyList<string> path) => string.Concat(path.Select(PathElement.Show));

    private static FieldSet Path(IReadOnlyList<string> path, int at) =>
        at == path.Count ? Leaf : Of(false, new(StringComparer.Ordinal) { [path[at]] = Path(path, at + 1) });

    private IEnumerable<IReadOnlyList<string>> Paths(IReadOnlyList<string> prefix)
    {
        if (_member)
        {
            yield return prefix;
        }

        foreach (var (element, child) in Children.OrderBy(c => c.Key, PathElement.Order))
        {
            foreach (var path in child.Paths([.. prefix, element]))
            {
                yield return path;
            }
        }
    }

    private FieldSet Combine(FieldSet other, bool member, bool keepUnmatched, Func<FieldSet, FieldSet, FieldSet> below)
    {
        if (_children is null)
        {
            return member ? Leaf : Empty;
        }

        Dictionary<string, FieldSet>? children = null;
        foreach (var (element, child) in _children)
        {
            var result = other._children?.TryGetValue(element, out var theirs) == true ? below(child, theirs) : keepUnmatched ? child : Empty;
            if (!result.IsEmpty)
            {
                (children ??= new(StringComparer.Ordinal))[element] = result;
            }
        }

        return Of(member, children);
    }
}
