using System.Text.Json.Nodes;
using Kaji.Api.Kinds;

namespace Kaji.ApiServer.Registry;

/// <summary>
/// Resources that are two views of one object: events of the core group and of events.k8s.io, horizontalpodautoscalers v1 and v2. One is stored; the other is
/// translated at the door. All others are their own storage.
/// </summary>
internal static class StorageVersions
{
    private static readonly (string Core, string Other)[] EventFields =
    [
        ("involvedObject", "regarding"), ("message", "note"), ("source", "deprecatedSource"), ("firstTimestamp", "deprecatedFirstTimestamp"),
        ("lastTimestamp", "deprecatedLastTimestamp"), ("count", "deprecatedCount"), ("reportingComponent", "reportingController"),
    ];

    /// <summary>The resource whose keys and form the store holds.</summary>
    public static ResourceInfo Of(ResourceInfo resource) => resource switch
    {
        { Group: "events.k8s.io", Plural: "events" } => BuiltInResources.Find("", "v1", "events")!,
        { Group: "autoscaling", Version: "v1", Plural: "horizontalpodautoscalers" } => BuiltInResources.Find("autoscaling", "v2", "horizontalpodautoscalers")!,
        _ => resource,
    };

    /// <summary>Whether stored bytes can be served for this resource as they are.</summary>
    public static bool IsStored(ResourceInfo resource) =>
        resource.Custom is { } custom ? custom.IsStorage && custom.Definition.NeverChanged : ReferenceEquals(Of(resource), resource);

    /// <summary>What the stored form calls a field that a selector names.</summary>
    public static string FieldOf(ResourceInfo resource, string field)
    {
        if (resource is not { Group: "events.k8s.io" })
        {
            return field;
        }

        var first = field.Split('.')[0];
        return Array.Find(EventFields, f => f.Other == first) is { Core: { } core } ? core + field[first.Length..] : field;
    }

    public static JsonObject ToStorage(ResourceInfo resource, JsonObject obj) => Translate(resource, obj, toStorage: true);

    public static JsonObject FromStorage(ResourceInfo resource, JsonObject obj) => Translate(resource, obj, toStorage: false);

    private static JsonObject Translate(ResourceInfo resource, JsonObject obj, bool toStorage)
    {
        if (ReferenceEquals(Of(resource), resource))
        {
            return obj;
        }

        obj["apiVersion"] = toStorage ? Of(resource).ApiVersion : resource.ApiVersion;
        if (resource.Plural == "events")
        {
            foreach (var (core, other) in EventFields)
            {
                Rename(obj, toStorage ? other : core, toStorage ? core : other);
            }

            return obj;
        }

        if (toStorage)
        {
            AutoscalerVersions.ToStorage(obj);
        }
        else
        {
            AutoscalerVersions.FromStorage(obj);
        }

        return obj;
    }

    private static void Rename(JsonObject obj, string from, string to)
    {
        if (obj[from] is { } value)
        {
            obj.Remove(from);
            obj[to] = value.DeepClone();
        }
    }
}
