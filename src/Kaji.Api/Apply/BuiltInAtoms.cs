using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Kaji.Api.Schemas;

namespace Kaji.Api.Apply;

/// <summary>The apply schemas of built-in kinds, over their definitions.</summary>
public static class BuiltInAtoms
{
    /// <summary>Definitions that are owned as a whole (<c>x-kubernetes-map-type: atomic</c>), by short name.</summary>
    private static readonly HashSet<string> AtomicDefinitions = new(
        [
            "ConfigMapKeySelector", "CrossVersionObjectReference", "EndpointAddress", "EndpointPort", "FileKeySelector", "LabelSelector", "LocalObjectReference", "MatchResources",
            "NamedRuleWithOperations", "NodeSelector", "NodeSelectorTerm", "ObjectFieldSelector", "ObjectReference", "OwnerReference", "ParamKind", "ParamRef", "ResourceFieldSelector",
            "RoleRef", "ScopeSelector", "ScopedResourceSelectorRequirement", "SecretKeySelector", "SecretReference", "ServiceBackendPort", "Subject", "TopologySelectorTerm", "TypedLocalObjectReference",
        ],
        StringComparer.Ordinal);

    /// <summary>Fields that the Go types hold by value: an empty one and a missing one are the same there.</summary>
    private static readonly HashSet<string> HeldByValue = new(
        ["metadata", "spec", "status", "template", "strategy", "updateStrategy", "resources", "jobTemplate", "loadBalancer", "state", "lastState", "nodeInfo", "daemonEndpoints"], StringComparer.Ordinal);

    private static readonly ConcurrentDictionary<string, Atom> Made = new(StringComparer.Ordinal);

    /// <summary>Of metav1.ObjectMeta.</summary>
    public static Atom ObjectMeta { get; } = Of(BuiltInSchemas.NameOf("meta.k8s.io", "v1", "ObjectMeta"));

    /// <summary>Of a definition by full name; deduced when there is none.</summary>
    public static Atom Of(string definition) => Made.GetOrAdd(definition, static name => BuiltInSchemas.Find(name) is { Fields.Count: > 0 } found ? Of(found) : Atom.Deduced);

    /// <summary>Whether objects of a definition are owned as a whole.</summary>
    public static bool IsAtomic(string definition) => AtomicDefinitions.Contains(definition[(definition.LastIndexOf('.') + 1)..]);

    private static Atom Of(Definition definition) => Atom.Struct(
        name => definition.Field(name) is { } field ? new AtomField(Of(definition, field), AlwaysPresent(field)) : null,
        atomic: IsAtomic(definition.Name));

    private static bool AlwaysPresent(FieldSchema field) => field.Shape == FieldShape.One && field.Type == FieldType.Object ? HeldByValue.Contains(field.Name) : field.Required;

    private static Atom Of(Definition owner, FieldSchema field)
    {
        switch (field.Shape)
        {
            case FieldShape.Map:
                return Atom.Map(() => field.ListInMap ? Atom.AtomicList : One(owner, field), field.ListType == "atomic");
            case FieldShape.List:
                var (type, keys) = field switch
                {
                    { ListType: { } said } => (said, field.ListMapKeys),
                    { PatchStrategy: { } strategy, PatchMergeKey: { } key } when strategy.Contains("merge", StringComparison.Ordinal) => ("map", [key]),
                    { PatchStrategy: { } strategy } when strategy.Contains("merge", StringComparison.Ordinal) => ("set", []),
                    _ => ("atomic", (IReadOnlyList<string>)[]),
                };
                return type switch
                {
                    "set" => Atom.Set(() => One(owner, field)),
                    "map" => Atom.ListMap(() => One(owner, field), keys, KeyDefaults(owner, field, keys)),
                    _ => Atom.AtomicList,
                };
            default:
                var one = One(owner, field);
                return field.ListType switch
                {
                    "granular" => one.Granular(),
                    "atomic" => Atom.Scalar,
                    _ => one,
                };
        }
    }

    private static Atom One(Definition owner, FieldSchema field) => field.Type switch
    {
        FieldType.Any => Atom.Deduced,
        FieldType.Object when BuiltInSchemas.IsScalar(field.Reference!) => Atom.Scalar,
        FieldType.Object => BuiltInSchemas.Resolve(owner, field.Reference!) is { } definition ? Of(definition.Name) : Atom.Deduced,
        _ => Atom.Scalar,
    };

    private static Func<string, JsonNode?> KeyDefaults(Definition owner, FieldSchema field, IReadOnlyList<string> keys)
    {
        var item = field.Type == FieldType.Object ? BuiltInSchemas.Resolve(owner, field.Reference!) : null;

        // An empty string or 0 on a required field is how the tables say "no default".
        var defaults = keys.Select(k => item?.Field(k)).Where(f => f is { Default: not null, Required: false }).ToDictionary(f => f!.Name, f => f!.Default!, StringComparer.Ordinal);
        return key => defaults.TryGetValue(key, out var json) ? JsonNode.Parse(json) : null;
    }
}
