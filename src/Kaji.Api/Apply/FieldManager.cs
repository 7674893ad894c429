using System.Text.Json;
using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.Api.Metadata;

namespace Kaji.Api.Apply;

/// <summary>Who writes, through what, when.</summary>
/// <param name="Manager">The field manager's name.</param>
/// <param name="ApiVersion">Of the object as it is written.</param>
/// <param name="Subresource">Empty for the main resource.</param>
/// <param name="Now">Goes into the entry, in seconds.</param>
/// <param name="Reset">First fields that this endpoint throws away.</param>
public sealed record FieldWrite(string Manager, string ApiVersion, string Subresource, DateTimeOffset Now, ResetFields Reset);

/// <summary>What an apply came to.</summary>
/// <param name="Object">The merged object with its new managedFields; null when it was refused.</param>
/// <param name="Refusal">Conflicts (409), or a configuration that can't be applied (400, 500).</param>
public sealed record ApplyResult(JsonObject? Object, ApiError? Refusal);

/// <summary>
/// Field management: who set which field of an object last, and server-side apply, which is what that is for. Every write passes here before admission.
/// https://kubernetes.io/docs/reference/using-api/server-side-apply/
/// </summary>
public static class FieldManager
{
    private const string BeforeFirstApply = "before-first-apply";
    private const string Kubectl = "kubectl";
    private const string LastApplied = "kubectl.kubernetes.io/last-applied-configuration";
    private const int MaxAnnotationBytes = 256 * 1024;
    private const int MaxManagerBytes = 128;

    /// <summary>
    /// Sets <c>metadata.managedFields</c> of an object that a create or update is about to store: what differs from <paramref name="old"/> becomes the writer's.
    /// </summary>
    /// <param name="old">The stored object; null for a create.</param>
    /// <param name="now">The object to store. Its own managedFields, when it has any, take the place of the stored ones: that is how they are edited.</param>
    public static void TrackUpdate(JsonObject? old, JsonObject now, Atom atom, FieldWrite write)
    {
        var metadata = now.Ensure("metadata");
        var stored = old.Obj("metadata")?["managedFields"];
        var said = metadata["managedFields"];
        metadata.Remove("managedFields");
        if (old is null && said is null)
        {
            Put(metadata, CreatedFields.Of(now, atom, write));
            return;
        }

        var entries = Base(stored, said, write.Subresource);
        if (entries.Count == 0 && old is not null)
        {
            // Nobody is tracked yet, or all are forgotten: tracking begins with the next apply.
            return;
        }

        var changes = Comparison.Of(old, now, atom, write.Reset);
        if (changes.IsSame)
        {
            Put(metadata, ManagedFields.Write(entries));
            return;
        }

        var self = new ManagerEntry(write.Manager, false, write.ApiVersion, write.Subresource);
        Take(entries, changes, except: null, self);
        if (!changes.Changed.IsEmpty)
        {
            var mine = entries.Find(self.IsSameManager);
            if (mine is null)
            {
                entries.Add(mine = self);
                mine.Fields = changes.Changed;
            }
            else if (mine.Json is not { } json || !changes.Changed.IsWithin(json))
            {
                mine.Fields = mine.Fields.Union(changes.Changed);
            }

            mine.Time = Timestamps.Format(write.Now);
        }

        ManagedFields.Cap(entries);
        Put(metadata, ManagedFields.Write(entries));
    }

    /// <summary>Merges a configuration into an object, as its manager's whole wish: what it no longer names and nobody else owns goes.</summary>
    /// <param name="live">The stored object; null when the apply creates it.</param>
    /// <param name="applied">The configuration, in the version of <paramref name="live"/>.</param>
    /// <param name="force">Takes fields that others own instead of refusing.</param>
    public static ApplyResult Apply(JsonObject? live, JsonObject applied, Atom atom, FieldWrite write, bool force)
    {
        if (applied.Obj("metadata")?.ContainsKey("managedFields") == true && applied["metadata"]!["managedFields"] is not null)
        {
            return new ApplyResult(null, ApiErrors.BadRequest("metadata.managedFields must be nil"));
        }

        if (ManagedFields.Read(live.Obj("metadata")?["managedFields"]) is not { } entries)
        {
            return new ApplyResult(null, new ApiError(500, "InternalError", "failed to decode managed fields"));
        }

        FieldSet wish;
        try
        {
            wish = FieldSets.OfConfiguration(applied, atom);
        }
        catch (ApplySchemaException e)
        {
            var metadata = applied.Obj("metadata");
            var gv = applied.Str("apiVersion") is var v && v.Contains('/', StringComparison.Ordinal) ? v : "/" + v;
            return new ApplyResult(null, new ApiError(400, "BadRequest", $"failed to create typed patch object ({metadata.Str("namespace")}/{metadata.Str("name")}; {gv}, Kind={applied.Str("kind")}): {e.Message}"));
        }

        applied = (JsonObject)applied.DeepClone();
        foreach (var dropped in applied.Select(p => p.Key).Where(write.Reset.Drops).ToArray())
        {
            applied.Remove(dropped);
        }

        if (entries.Count == 0 && live is not null && Comparison.Of(null, live, atom, write.Reset).Changed is { IsEmpty: false } existing)
        {
            entries.Add(new ManagerEntry(BeforeFirstApply, false, write.ApiVersion, write.Subresource) { Fields = existing, Time = Timestamps.Format(write.Now) });
        }

        var self = new ManagerEntry(write.Manager, true, write.ApiVersion, write.Subresource) { Time = Timestamps.Format(write.Now), Fields = Tracked(wish, write.Reset) };
        var last = entries.Find(self.IsSameManager);
        entries.RemoveAll(self.IsSameManager);
        var merged = (JsonObject)Merging.Merge(live ?? [], applied, atom)!;
        merged.Obj("metadata")?.Remove("managedFields");
        if (last is { Fields.IsEmpty: false })
        {
            // Merged once more: an empty list of the wish that pruning emptied is there again.
            merged = (JsonObject)Merging.Merge(Prune(merged, last.Fields, [.. entries.Select(e => e.Fields), wish.Filter(element => !write.Reset.Drops(element[2..]))], atom), applied, atom)!;
        }

        var changes = Comparison.Of(live, merged, atom, write.Reset);
        if (!force && Conflicts(entries, changes.Changed) is { Count: > 0 } conflicts)
        {
            var allowed = write.Manager == Kubectl && live is not null ? OfClientSideApply(live, atom, write.ApiVersion) : FieldSet.Empty;
            conflicts = [.. conflicts.Select(c => (c.Owner, Fields: c.Fields.Difference(allowed))).Where(c => !c.Fields.IsEmpty)];
            if (conflicts.Count > 0)
            {
                return new ApplyResult(null, ApplyConflicts.Error(conflicts));
            }
        }

        Take(entries, changes, except: self, null);
        if (!self.Fields.IsEmpty)
        {
            if (changes.IsSame && last is not null && last.ApiVersion == self.ApiVersion && last.Fields.Equals(self.Fields))
            {
                self.Time = last.Time;
            }

            entries.Add(self);
        }

        Put(merged.Ensure("metadata"), ManagedFields.Write(entries));
        if (write.Manager == Kubectl && merged.Obj("metadata").Obj("annotations")?.ContainsKey(LastApplied) == true)
        {
            SyncLastApplied(merged, applied);
        }

        return new ApplyResult(merged, null);
    }

    /// <summary>Checks managedFields that a client sends.</summary>
    public static void Validate(JsonNode? managedFields, ICollection<FieldError> errors)
    {
        if (ManagedFields.IsReset(managedFields))
        {
            return;
        }

        var at = 0;
        foreach (var entry in (managedFields as JsonArray ?? []).OfType<JsonObject>())
        {
            var path = $"metadata.managedFields[{at++}]";
            if (entry.Str("operation") is not ("Apply" or "Update"))
            {
                errors.Invalid(path + ".operation", entry.Str("operation"), "must be `Apply` or `Update`");
            }

            if (entry.Str("fieldsType") is { Length: > 0 } type && type != "FieldsV1")
            {
                errors.Invalid(path + ".fieldsType", type, "must be `FieldsV1`");
            }

            ValidateManager(entry.Str("manager"), path + ".manager", errors);
            if (entry.Str("subresource").Length > 256)
            {
                errors.TooLong(path + ".subresource", 256);
            }
        }
    }

    /// <summary>Checks a field manager's name.</summary>
    public static void ValidateManager(string manager, string path, ICollection<FieldError> errors)
    {
        if (System.Text.Encoding.UTF8.GetByteCount(manager) > MaxManagerBytes)
        {
            errors.TooLong(path, MaxManagerBytes);
        }

        var at = 0;
        foreach (var rune in manager.EnumerateRunes())
        {
            if (!IsPrintable(rune))
            {
                errors.Invalid(path, manager, $"invalid character U+{rune.Value:X4} (at position {at})");
            }

            at += rune.Utf8SequenceLength;
        }
    }

    /// <summary>The manager that a request without <c>fieldManager</c> has: what its User-Agent begins with.</summary>
    public static string OfUserAgent(string userAgent)
    {
        var slash = userAgent.IndexOf('/', StringComparison.Ordinal);
        var name = slash < 0 ? userAgent : userAgent[..slash];
        if (name.Length <= MaxManagerBytes && name.All(c => char.IsAscii(c) && !char.IsControl(c)))
        {
            return name;
        }

        var kept = string.Concat(name.EnumerateRunes().Where(IsPrintable));
        while (System.Text.Encoding.UTF8.GetByteCount(kept) > MaxManagerBytes)
        {
            kept = kept[..^1];
        }

        return kept;
    }

    private static bool IsPrintable(System.Text.Rune rune) => rune.Value == ' '
        || !(System.Text.Rune.IsControl(rune) || System.Text.Rune.IsWhiteSpace(rune) || System.Text.Rune.GetUnicodeCategory(rune) is System.Globalization.UnicodeCategory.OtherNotAssigned or System.Globalization.UnicodeCategory.Format or System.Globalization.UnicodeCategory.PrivateUse or System.Globalization.UnicodeCategory.Surrogate);

    /// <summary>The entries a write begins with: the client's own on the main resource, else the stored ones.</summary>
    private static List<ManagerEntry> Base(JsonNode? stored, JsonNode? said, string subresource)
    {
        if (subresource.Length == 0 && said is not null)
        {
            if (ManagedFields.IsReset(said))
            {
                return [];
            }

            if (ManagedFields.Read(said) is { Count: > 0 } theirs)
            {
                return theirs;
            }
        }

        return ManagedFields.Read(stored) ?? [];
    }

    /// <summary>Takes from every manager what changed or went; entries that own nothing any more are dropped.</summary>
    /// <param name="except">Keeps what it has.</param>
    /// <param name="self">Loses only what went: it comes to own what changed.</param>
    private static void Take(List<ManagerEntry> entries, Comparison changes, ManagerEntry? except, ManagerEntry? self)
    {
        for (var i = entries.Count - 1; i >= 0; i--)
        {
            var entry = entries[i];
            if (ReferenceEquals(entry, except))
            {
                continue;
            }

            var lost = self?.IsSameManager(entry) == true ? changes.Removed : changes.Changed.Union(changes.Removed);
            if (entry.Json is { } json && !lost.Overlaps(json))
            {
                continue;
            }

            entry.Fields = entry.Fields.Difference(lost);
            if (entry.Fields.IsEmpty)
            {
                entries.RemoveAt(i);
            }
        }
    }

    private static List<(ManagerEntry Owner, FieldSet Fields)> Conflicts(List<ManagerEntry> others, FieldSet changed) =>
    [
        .. others.Where(o => o.Json is not { } json || changed.Overlaps(json)).Select(o => (o, Fields: o.Fields.Intersection(changed))).Where(c => !c.Fields.IsEmpty)
            .OrderBy(c => c.o.Manager, StringComparer.Ordinal),
    ];

    /// <summary>Takes out what the applier had applied and no longer does, unless another manager owns it.</summary>
    /// <param name="managed">What all own, the applier's identity fields included: they keep metadata where it is.</param>
    private static JsonObject Prune(JsonObject merged, FieldSet last, IReadOnlyList<FieldSet> managed, Atom atom)
    {
        var named = last.EnsureNamedFieldsAreMembers(atom);
        var pruned = (JsonObject?)Merging.Remove(merged, named, atom) ?? [];

        // What went but is owned comes back …
        var all = FieldSets.Of(merged, atom).EnsureNamedFieldsAreMembers(atom);
        var owned = managed.Aggregate(FieldSet.Empty, (sum, set) => sum.Union(set)).EnsureNamedFieldsAreMembers(atom);
        pruned = (JsonObject?)Merging.Remove(merged, all.Difference(FieldSets.Of(pruned, atom).EnsureNamedFieldsAreMembers(atom).Union(owned)), atom) ?? [];

        // … and so does what hung below it without being the applier's.
        var left = FieldSets.Of(pruned, atom).EnsureNamedFieldsAreMembers(atom);
        return (JsonObject?)Merging.Remove(merged, all.Difference(left).Intersection(named), atom) ?? [];
    }

    /// <summary>The fields a client-side apply set and that are still as it set them: kubectl may take those over.</summary>
    private static FieldSet OfClientSideApply(JsonObject live, Atom atom, string apiVersion)
    {
        if (live.Obj("metadata").Obj("annotations").Str(LastApplied) is not { Length: > 0 } text)
        {
            return FieldSet.Empty;
        }

        JsonObject? last;
        try
        {
            last = JsonNode.Parse(text) as JsonObject;
        }
        catch (JsonException)
        {
            // Not what kubectl wrote: it says nothing.
            return FieldSet.Empty;
        }

        if (last is null || last.Str("apiVersion") != apiVersion)
        {
            return FieldSet.Empty;
        }

        var changes = Comparison.Of(last, live, atom, ResetFields.None);
        return FieldSets.Of(last, atom).Difference(changes.Changed).Difference(changes.Removed);
    }

    /// <summary>Keeps the annotation of client-side apply true while kubectl applies by the server, so that one can go back.</summary>
    private static void SyncLastApplied(JsonObject merged, JsonObject applied)
    {
        var said = (JsonObject)applied.DeepClone();
        said.Obj("metadata").Obj("annotations")?.Remove(LastApplied);
        var text = said.ToJsonString() + "\n";
        merged["metadata"]!["annotations"]![LastApplied] = System.Text.Encoding.UTF8.GetByteCount(text) > MaxAnnotationBytes ? "" : text;
    }

    private static FieldSet Tracked(FieldSet set, ResetFields reset)
    {
        set = set.Filter(element => element is not ("f:apiVersion" or "f:kind") && !reset.Drops(element[2..]));
        var metadata = set.Child("f:metadata");
        if (metadata.IsEmpty)
        {
            return set;
        }

        var children = new Dictionary<string, FieldSet>(set.Children, StringComparer.Ordinal);
        children.Remove("f:metadata");
        var kept = metadata.Filter(element => !Comparison.UntrackedMetadata(element[2..]));
        if (kept.Children.Count > 0)
        {
            children["f:metadata"] = FieldSet.Of(false, new(kept.Children, StringComparer.Ordinal));
        }

        return FieldSet.Of(false, children);
    }

    private static void Put(JsonObject metadata, JsonNode? managedFields)
    {
        if (managedFields is null)
        {
            metadata.Remove("managedFields");
        }
        else
        {
            metadata["managedFields"] = managedFields;
        }
    }
}
