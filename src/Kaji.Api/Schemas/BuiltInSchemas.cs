using System.Collections.Concurrent;

namespace Kaji.Api.Schemas;

/// <summary>
/// The definitions of the built-in kinds. The table stays text; a definition is parsed when it is first asked for, so that an idle server holds only what is used.
/// </summary>
public static class BuiltInSchemas
{
    private const string Meta = "io.k8s.apimachinery.pkg.apis.meta.v1.";
    private const string Core = "io.k8s.api.core.v1.";

    /// <summary>Scalars by name: definitions without fields.</summary>
    private static readonly HashSet<string> Scalars = new(["Time", "MicroTime", "Quantity", "IntOrString", "Duration"], StringComparer.Ordinal);

    private static readonly HashSet<string> Opaque = new(["RawExtension", "FieldsV1", "JSON", "JSONSchemaPropsOrBool", "JSONSchemaPropsOrArray", "JSONSchemaPropsOrStringArray", "Patch"], StringComparer.Ordinal);

    private static readonly Lazy<Dictionary<string, List<string>>> Text = new(Load);
    private static readonly ConcurrentDictionary<string, Definition?> Parsed = new(StringComparer.Ordinal);

    /// <summary>All definitions' full names.</summary>
    public static IEnumerable<string> Names => Text.Value.Keys;

    /// <summary>A definition by full name, or null.</summary>
    public static Definition? Find(string name) =>
        Parsed.GetOrAdd(name, static n => Text.Value.TryGetValue(n, out var lines) ? new Definition(n, [.. lines.Select(Parse)]) : null);

    /// <summary>Full name of a kind's definition.</summary>
    public static string NameOf(string group, string version, string kind) => group switch
    {
        "" => $"{Core}{kind}",
        "apiextensions.k8s.io" => $"io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.{version}.{kind}",
        "apiregistration.k8s.io" => $"io.k8s.kube-aggregator.pkg.apis.apiregistration.{version}.{kind}",
        "meta.k8s.io" => $"{Meta}{kind}",
        _ => $"io.k8s.api.{group.Split('.')[0]}.{version}.{kind}",
    };

    /// <summary>The definition a field of <paramref name="owner"/> refers to; null for scalars and what may be anything.</summary>
    public static Definition? Resolve(Definition owner, string reference)
    {
        if (Scalars.Contains(reference) || Opaque.Contains(reference))
        {
            return null;
        }

        return Find(owner.Name[..(owner.Name.LastIndexOf('.') + 1)] + reference) ?? Find(Core + reference) ?? Find(Meta + reference)
            ?? Text.Value.Keys.Where(n => n.EndsWith("." + reference, StringComparison.Ordinal)).Select(Find).FirstOrDefault();
    }

    /// <summary>Whether a reference is a scalar with rules of its own (Quantity, Time …).</summary>
    public static bool IsScalar(string reference) => Scalars.Contains(reference);

    private static Dictionary<string, List<string>> Load()
    {
        var all = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        List<string> fields = [];
        foreach (var line in EmbeddedFacts.Lines("definitions.txt"))
        {
            if (line[0] == '=')
            {
                all[line[1..]] = fields = [];
            }
            else
            {
                fields.Add(line);
            }
        }

        return all;
    }

    private static FieldSchema Parse(string line)
    {
        var words = line.Split(' ', 3);
        var (name, type) = (words[0], words[1]);
        var required = type.EndsWith('!');
        type = required ? type[..^1] : type;
        var shape = FieldShape.One;
        var listInMap = false;
        if (type.StartsWith("[]", StringComparison.Ordinal))
        {
            (shape, type) = (FieldShape.List, type[2..]);
        }
        else if (type.StartsWith("map[", StringComparison.Ordinal))
        {
            (shape, type) = (FieldShape.Map, type[4..^1]);
            if (type.StartsWith("[]", StringComparison.Ordinal))
            {
                (listInMap, type) = (true, type[2..]);
            }
        }

        var colon = type.Split(':');
        var (kind, reference) = colon[0] switch
        {
            "string" => (FieldType.String, null),
            "integer" => (FieldType.Integer, null),
            "number" => (FieldType.Number, null),
            "boolean" => (FieldType.Boolean, null),
            "" or "object" or "any" => (FieldType.Any, null),
            var other when Opaque.Contains(other) => (FieldType.Any, other),
            var other => (FieldType.Object, (string?)other),
        };
        var field = new FieldSchema(name, kind, shape, reference) { Required = required, Format = colon.Length > 1 ? colon[1] : null, ListInMap = listInMap };
        foreach (var (key, value) in Attributes(words.Length > 2 ? words[2] : ""))
        {
            field = key switch
            {
                "default" => field with { Default = value },
                "patch" => value.Split(':') is [var strategy, var mergeKey] ? field with { PatchStrategy = strategy, PatchMergeKey = mergeKey } : field with { PatchStrategy = value },
                "list" => value.Split(':') is [var listType, var keys] ? field with { ListType = listType, ListMapKeys = keys.Split(',') } : field with { ListType = value },
                _ => throw new InvalidOperationException($"definitions.txt: {line}"),
            };
        }

        return field;
    }

    /// <summary><c>default={"a": "b c"} patch=merge:name list=map:name</c>: a default may hold spaces, the others don't.</summary>
    private static IEnumerable<(string Key, string Value)> Attributes(string text)
    {
        foreach (var name in (string[])["list=", "patch="])
        {
            var at = text.StartsWith(name, StringComparison.Ordinal) ? 0 : text.LastIndexOf(" " + name, StringComparison.Ordinal);
            if (at >= 0)
            {
                yield return (name[..^1], text[at..].Trim()[name.Length..]);
                text = text[..at];
            }
        }

        if (text.StartsWith("default=", StringComparison.Ordinal))
        {
            yield return ("default", text["default=".Length..]);
        }
    }
}
