using System.Text.Json.Nodes;
using Kaji.Api.Kinds;

namespace Kaji.Api.CustomResources;

/// <summary>
/// What the status of a CustomResourceDefinition should be: accepted names, and the conditions NamesAccepted and Established. Names belong to the first that had them accepted.
/// </summary>
public static class DefinitionStatus
{
    /// <summary>Keeps a definition until its objects are gone.</summary>
    public const string Finalizer = "customresourcecleanup.apiextensions.k8s.io";

    /// <summary>The wanted status, or null when the present one is right.</summary>
    /// <param name="crd">The definition.</param>
    /// <param name="all">All definitions.</param>
    /// <param name="now">For lastTransitionTime.</param>
    public static JsonObject? Plan(JsonObject crd, IEnumerable<JsonObject> all, string now)
    {
        var spec = crd.Obj("spec") ?? [];
        var status = (JsonObject?)crd.Obj("status")?.DeepClone() ?? [];
        var (resources, kinds) = Taken(crd, all);
        var wanted = spec.Obj("names") ?? [];
        var accepted = (JsonObject?)status.Obj("acceptedNames")?.DeepClone() ?? [];
        (string Reason, string Message)? conflict = null;
        bool Free(string name, HashSet<string> among, string reason)
        {
            if (name.Length == 0 || !among.Contains(name))
            {
                return true;
            }

            conflict = (reason, $"\"{name}\" is already in use");
            return false;
        }

        foreach (var (field, among, reason) in (ReadOnlySpan<(string, HashSet<string>, string)>)[("plural", resources, "PluralConflict"), ("singular", resources, "SingularConflict")])
        {
            if (Free(wanted.Str(field), among, reason))
            {
                accepted[field] = wanted.Str(field);
            }
        }

        var shortNames = (wanted["shortNames"] as JsonArray ?? []).Select(s => s.Text()).ToArray();
        var taken = shortNames.Where(resources.Contains).ToArray();
        if (taken.Length > 0)
        {
            conflict = ("ShortNamesConflict", string.Join(", ", taken.Select(t => $"\"{t}\" is already in use")));
        }
        else
        {
            Put(accepted, "shortNames", shortNames);
        }

        foreach (var (field, reason) in (ReadOnlySpan<(string, string)>)[("kind", "KindConflict"), ("listKind", "ListKindConflict")])
        {
            if (Free(wanted.Str(field), kinds, reason))
            {
                accepted[field] = wanted.Str(field);
            }
        }

        Put(accepted, "categories", [.. (wanted["categories"] as JsonArray ?? []).Select(s => s.Text())]);
        status["acceptedNames"] = accepted;
        SetCondition(status, "NamesAccepted", conflict is null ? "True" : "False", conflict?.Reason ?? "NoConflicts", conflict?.Message ?? "no conflicts found", now);
        var established = status.Items("conditions").Any(c => c.Str("type") == "Established" && c.Str("status") == "True");
        if (!established)
        {
            SetCondition(status, "Established", conflict is null ? "True" : "False", conflict is null ? "InitialNamesAccepted" : "NotAccepted", conflict is null ? "the initial names have been accepted" : "not all names are accepted", now);
        }

        return JsonNode.DeepEquals(status, crd["status"]) ? null : status;
    }

    /// <summary>Sets a condition; its time moves only with its status.</summary>
    public static void SetCondition(JsonObject status, string type, string value, string reason, string message, string now)
    {
        if (status["conditions"] is not JsonArray conditions)
        {
            status["conditions"] = conditions = [];
        }

        var condition = conditions.OfType<JsonObject>().FirstOrDefault(c => c.Str("type") == type);
        if (condition is null)
        {
            conditions.Add((JsonNode)(condition = new JsonObject { ["lastTransitionTime"] = now, ["type"] = type }));
        }

        if (condition.Str("status") is { Length: > 0 } before && before != value)
        {
            condition["lastTransitionTime"] = now;
        }

        (condition["status"], condition["reason"], condition["message"]) = (value, reason, message);
    }

    /// <summary>Names that others of the group hold.</summary>
    private static (HashSet<string> Resources, HashSet<string> Kinds) Taken(JsonObject crd, IEnumerable<JsonObject> all)
    {
        var (resources, kinds) = (new HashSet<string>(StringComparer.Ordinal), new HashSet<string>(StringComparer.Ordinal));
        var (name, group) = (crd.Obj("metadata").Str("name"), crd.Obj("spec").Str("group"));
        foreach (var names in all.Where(o => o.Obj("spec").Str("group") == group && o.Obj("metadata").Str("name") != name).Select(o => o.Obj("status").Obj("acceptedNames")))
        {
            resources.Add(names.Str("plural"));
            resources.Add(names.Str("singular"));
            resources.UnionWith((names?["shortNames"] as JsonArray ?? []).Select(s => s.Text()));
            kinds.Add(names.Str("kind"));
            kinds.Add(names.Str("listKind"));
        }

        return (resources, kinds);
    }

    private static void Put(JsonObject names, string field, string[] values)
    {
        names.Remove(field);
        if (values.Length > 0)
        {
            names[field] = new JsonArray([.. values.Select(v => (JsonNode)v)]);
        }
    }
}
