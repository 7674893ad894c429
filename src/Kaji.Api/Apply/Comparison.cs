using System.Text.Json;
using System.Text.Json.Nodes;

namespace Kaji.Api.Apply;

/// <summary>What differs between two objects, by path. A null value and a missing one are the same.</summary>
/// <param name="Added">Only in the new one.</param>
/// <param name="Modified">In both, with other values.</param>
/// <param name="Removed">Only in the old one.</param>
public sealed record Comparison(FieldSet Added, FieldSet Modified, FieldSet Removed)
{
    public static Comparison Same { get; } = new(FieldSet.Empty, FieldSet.Empty, FieldSet.Empty);

    public bool IsSame => Added.IsEmpty && Modified.IsEmpty && Removed.IsEmpty;

    /// <summary>What is there now and was not, or not so.</summary>
    public FieldSet Changed { get; } = Added.Union(Modified);

    /// <summary>Compares whole objects; of metadata only what may be owned.</summary>
    /// <param name="reset">First fields that are left out (status, for the main resource).</param>
    public static Comparison Of(JsonObject? old, JsonObject now, Atom atom, ResetFields reset)
    {
        var walk = new Walk();
        foreach (var (name, value) in now)
        {
            One(ref walk, name, old?[name], value);
        }

        foreach (var (name, value) in old ?? [])
        {
            if (!now.ContainsKey(name))
            {
                One(ref walk, name, value, null);
            }
        }

        return walk.Done(Parts.None).ToComparison();

        void One(ref Walk into, string name, JsonNode? before, JsonNode? after)
        {
            if (name is "apiVersion" or "kind" || reset.Drops(name))
            {
                return;
            }

            var field = atom.Field(name);
            var type = field?.Type ?? atom.Element ?? Atom.Deduced;
            var always = field?.AlwaysPresent ?? false;
            into.Take(PathElement.Field(name), name == "metadata"
                ? Walk.Map(before as JsonObject, after as JsonObject, type, beforeIsThere: true, afterIsThere: true, UntrackedMetadata)
                : Walk.Node(before, after, type, always, always));
        }
    }

    /// <summary>Metadata that nobody owns.</summary>
    internal static bool UntrackedMetadata(string name) =>
        name is "name" or "namespace" or "creationTimestamp" or "selfLink" or "uid" or "clusterName" or "generation" or "managedFields" or "resourceVersion";

    private readonly record struct Parts(FieldSet? Added, FieldSet? Modified, FieldSet? Removed)
    {
        public static Parts None { get; }

        public bool IsNone => Added is null && Modified is null && Removed is null;

        public Comparison ToComparison() => IsNone ? Same : new Comparison(Added ?? FieldSet.Empty, Modified ?? FieldSet.Empty, Removed ?? FieldSet.Empty);
    }

    /// <summary>Gathers what the parts of one value say.</summary>
    private struct Walk
    {
        private Dictionary<string, FieldSet>? _added;
        private Dictionary<string, FieldSet>? _modified;
        private Dictionary<string, FieldSet>? _removed;

        public void Take(string element, Parts parts)
        {
            Put(ref _added, element, parts.Added);
            Put(ref _modified, element, parts.Modified);
            Put(ref _removed, element, parts.Removed);
        }

        /// <param name="own">Whether the value itself came or went: sets with members.</param>
        public readonly Parts Done(Parts own) => new(Made(own.Added, _added), Made(own.Modified, _modified), Made(own.Removed, _removed));

        /// <param name="beforeIsThere">The old value is there although the JSON does not hold it (<see cref="AtomField.AlwaysPresent"/>).</param>
        /// <param name="afterIsThere">So is the new one.</param>
        public static Parts Node(JsonNode? before, JsonNode? after, Atom atom, bool beforeIsThere = false, bool afterIsThere = false)
        {
            if (before is null && after is null)
            {
                return Parts.None;
            }

            switch (atom.Walk(before, after))
            {
                case AtomShape.Map:
                    return Map(before as JsonObject, after as JsonObject, atom, beforeIsThere, afterIsThere, null);
                case AtomShape.List:
                    return List(before as JsonArray, after as JsonArray, atom, beforeIsThere, afterIsThere);
                default:
                    return before is null ? beforeIsThere && IsEmpty(after!) ? Parts.None : new Parts(FieldSet.Leaf, null, null)
                        : after is null ? afterIsThere && IsEmpty(before) ? Parts.None : new Parts(null, null, FieldSet.Leaf)
                        : Same(before, after) ? Parts.None : new Parts(null, FieldSet.Leaf, null);
            }
        }

        public static Parts Map(JsonObject? before, JsonObject? after, Atom atom, bool beforeIsThere, bool afterIsThere, Func<string, bool>? skip)
        {
            var walk = new Walk();
            var (hadBefore, hadAfter) = (before is not null || beforeIsThere, after is not null || afterIsThere);
            if (after is not null)
            {
                foreach (var (name, value) in after)
                {
                    One(ref walk, name, before?[name], value);
                }
            }

            if (before is not null)
            {
                foreach (var (name, value) in before)
                {
                    if (after?.ContainsKey(name) != true)
                    {
                        One(ref walk, name, value, null);
                    }
                }
            }

            return walk.Done(Presence(hadBefore, hadAfter));

            void One(ref Walk into, string name, JsonNode? old, JsonNode? now)
            {
                if (skip?.Invoke(name) == true)
                {
                    return;
                }

                var field = atom.Field(name);
                var always = field?.AlwaysPresent ?? false;
                into.Take(PathElement.Field(name), Node(old, now, field?.Type ?? atom.Element ?? Atom.Deduced, always && hadBefore, always && hadAfter));
            }
        }

        private static Parts List(JsonArray? before, JsonArray? after, Atom atom, bool beforeIsThere, bool afterIsThere)
        {
            if (Items.Of(before, atom) is not { } olds || Items.Of(after, atom) is not { } news)
            {
                // An item has no name: the list can only be seen as a whole.
                return before is null ? new Parts(FieldSet.Leaf, null, null)
                    : after is null ? new Parts(null, null, FieldSet.Leaf)
                    : Same(before, after) ? Parts.None : new Parts(null, FieldSet.Leaf, null);
            }

            var walk = new Walk();
            foreach (var element in news.Names.Concat(olds.Names.Where(n => !news.Has(n))))
            {
                var (old, now) = (olds.All(element), news.All(element));
                var found = old.Count <= 1 && now.Count <= 1 ? Node(old.FirstOrDefault(), now.FirstOrDefault(), atom.Element ?? Atom.Deduced)
                    : old.Count == 0 ? new Parts(FieldSet.Leaf, null, null)
                    : now.Count == 0 ? new Parts(null, null, FieldSet.Leaf)
                    : old.Count == now.Count && old.Zip(now).All(p => Same(p.First, p.Second)) ? Parts.None : new Parts(null, FieldSet.Leaf, null);
                walk.Take(element, found);
            }

            return walk.Done(Presence(before is not null || beforeIsThere, after is not null || afterIsThere));
        }

        private static Parts Presence(bool before, bool after) => new(before ? null : FieldSet.Leaf, null, after ? null : FieldSet.Leaf);

        private static bool IsEmpty(JsonNode node) => node is JsonObject { Count: 0 } or JsonArray { Count: 0 };

        private static bool Same(JsonNode? a, JsonNode? b) =>
            a is JsonValue x && b is JsonValue y && x.GetValueKind() == JsonValueKind.String && y.GetValueKind() == JsonValueKind.String
                ? x.GetValue<string>() == y.GetValue<string>()
                : JsonNode.DeepEquals(a, b);

        private static FieldSet? Made(FieldSet? own, Dictionary<string, FieldSet>? children) => children is null ? own : FieldSet.Of(own is not null, children);

        private static void Put(ref Dictionary<string, FieldSet>? into, string element, FieldSet? set)
        {
            if (set is not null)
            {
                (into ??= new(StringComparer.Ordinal))[element] = set;
            }
        }
    }
}

/// <summary>First fields of an object that an endpoint throws away, so that nobody comes to own them through it.</summary>
public sealed class ResetFields
{
    private readonly Func<string, bool> _drops;

    private ResetFields(Func<string, bool> drops) => _drops = drops;

    public static ResetFields None { get; } = new(_ => false);

    /// <summary>The main resource of a kind with a status subresource.</summary>
    public static ResetFields Status { get; } = new(name => name == "status");

    /// <summary>A <c>/status</c> endpoint.</summary>
    public static ResetFields AllButStatus { get; } = new(name => name is not ("status" or "metadata" or "apiVersion" or "kind"));

    public bool Drops(string name) => _drops(name);
}

/// <summary>A list's items by their elements, in order.</summary>
internal sealed class Items
{
    private readonly Dictionary<string, List<JsonNode?>> _byName = new(StringComparer.Ordinal);

    public static Items None { get; } = new();

    public List<string> Names { get; } = [];

    /// <returns>Null when an item has no element.</returns>
    public static Items? Of(JsonArray? list, Atom atom)
    {
        if (list is null)
        {
            return None;
        }

        var items = new Items();
        foreach (var item in list)
        {
            if (PathElement.OfItem(item, atom) is not { } element)
            {
                return null;
            }

            if (items._byName.TryGetValue(element, out var others))
            {
                others.Add(item);
            }
            else
            {
                items._byName[element] = [item];
                items.Names.Add(element);
            }
        }

        return items;
    }

    public bool Has(string element) => _byName.ContainsKey(element);

    public IReadOnlyList<JsonNode?> All(string element) => _byName.TryGetValue(element, out var items) ? items : [];
}
