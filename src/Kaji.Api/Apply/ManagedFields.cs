using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.Api.Metadata;

namespace Kaji.Api.Apply;

/// <summary>Who owns a set of fields: an entry of <c>metadata.managedFields</c>.</summary>
internal sealed class ManagerEntry(string manager, bool applies, string apiVersion, string subresource)
{
    private FieldSet? _fields;
    private JsonObject? _json;

    public string Manager => manager;

    /// <summary>Operation Apply; otherwise Update.</summary>
    public bool Applies => applies;

    /// <summary>In which the fields are named.</summary>
    public string ApiVersion => apiVersion;

    /// <summary>Empty, <c>status</c>, <c>scale</c> …</summary>
    public string Subresource => subresource;

    /// <summary>RFC 3339, seconds; null for entries without one.</summary>
    public string? Time { get; set; }

    public FieldSet Fields
    {
        get => _fields ??= FieldSet.Parse(_json!) ?? FieldSet.Empty;
        set => (_fields, _json) = (value, null);
    }

    /// <summary>FieldsV1 as it was read; null once the set is another. Most entries are never more than this.</summary>
    public JsonObject? Json
    {
        get => _json;
        init => _json = value;
    }

    /// <summary>Whether both are the same manager: appliers whatever their version, updaters by version.</summary>
    public bool IsSameManager(ManagerEntry other) =>
        Manager == other.Manager && Applies == other.Applies && Subresource == other.Subresource && (Applies || ApiVersion == other.ApiVersion);

    public JsonObject ToJson()
    {
        var entry = new JsonObject { ["manager"] = Manager, ["operation"] = Applies ? "Apply" : "Update", ["apiVersion"] = ApiVersion };
        if (Time is not null)
        {
            entry["time"] = Time;
        }

        entry["fieldsType"] = "FieldsV1";
        entry["fieldsV1"] = _json?.DeepClone() ?? Fields.ToJson();
        if (Subresource.Length > 0)
        {
            entry["subresource"] = Subresource;
        }

        return entry;
    }
}

/// <summary><c>metadata.managedFields</c> between its JSON and entries.</summary>
internal static class ManagedFields
{
    private const int MaxUpdateManagers = 10;
    private const string OldUpdates = "ancient-changes";

    /// <summary>Whether a client asks to forget all owners: an empty list, or one empty entry.</summary>
    public static bool IsReset(JsonNode? managedFields) => managedFields is JsonArray list && (list.Count == 0 || (list.Count == 1 && list[0] is JsonObject { Count: 0 }));

    /// <summary>The entries, or null when they are not well-formed.</summary>
    public static List<ManagerEntry>? Read(JsonNode? managedFields)
    {
        if (managedFields is null)
        {
            return [];
        }

        if (managedFields is not JsonArray list)
        {
            return null;
        }

        var entries = new List<ManagerEntry>(list.Count);
        foreach (var node in list)
        {
            if (node is not JsonObject entry || entry.Str("operation") is not ("Apply" or "Update") || entry.Str("apiVersion").Length == 0 || entry.Str("fieldsType") != "FieldsV1"
                || entry["fieldsV1"] is not (null or JsonObject))
            {
                return null;
            }

            entries.Add(new ManagerEntry(entry.Str("manager"), entry.Str("operation") == "Apply", entry.Str("apiVersion"), entry.Str("subresource"))
            {
                Time = Timestamps.TryParse(entry.Str("time"), out var time) ? Timestamps.Format(time) : null, Json = entry.Obj("fieldsV1") ?? [],
            });
        }

        return entries;
    }

    /// <summary>The list for the object, in Kubernetes' order; null when there are no entries.</summary>
    public static JsonArray? Write(List<ManagerEntry> entries)
    {
        if (entries.Count == 0)
        {
            return null;
        }

        entries.Sort(static (a, b) =>
            a.Applies != b.Applies ? (a.Applies ? -1 : 1)
            : string.CompareOrdinal(a.Time, b.Time) is not 0 and var time ? time
            : string.CompareOrdinal(a.Manager, b.Manager) is not 0 and var manager ? manager
            : string.CompareOrdinal(a.ApiVersion, b.ApiVersion) is not 0 and var version ? version
            : string.CompareOrdinal(a.Subresource, b.Subresource));
        var list = new JsonArray();
        foreach (var entry in entries)
        {
            list.Add((JsonNode)entry.ToJson());
        }

        return list;
    }

    /// <summary>Puts the oldest updaters' entries together when there are too many.</summary>
    public static void Cap(List<ManagerEntry> entries)
    {
        var updaters = entries.Where(e => !e.Applies).OrderBy(e => e.Time, StringComparer.Ordinal).ThenBy(e => e.Manager, StringComparer.Ordinal).ToArray();
        var surplus = updaters.Length - MaxUpdateManagers;
        var first = new Dictionary<string, ManagerEntry>(StringComparer.Ordinal);
        foreach (var entry in updaters)
        {
            if (surplus <= 0)
            {
                return;
            }

            if (!first.TryGetValue(entry.ApiVersion, out var bucket))
            {
                first[entry.ApiVersion] = entry;
                continue;
            }

            if (bucket.Manager != OldUpdates || bucket.Subresource.Length > 0)
            {
                entries.Remove(bucket);
                bucket = first[entry.ApiVersion] = new ManagerEntry(OldUpdates, false, entry.ApiVersion, "") { Fields = bucket.Fields };
                entries.Add(bucket);
            }

            bucket.Fields = bucket.Fields.Union(entry.Fields);
            bucket.Time = entry.Time;
            entries.Remove(entry);
            surplus--;
        }
    }
}
