using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.CustomResources;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.Api.Metadata;
using Kaji.ApiServer.Admission;
using Kaji.ApiServer.Authentication;
using Kaji.Store;

namespace Kaji.ApiServer.Registry;

/// <summary>
/// Deletion in its steps: an object with finalizers, or a Pod with a grace period, is marked first (deletionTimestamp) and goes when the last finalizer is removed or
/// the node agent deletes it with grace 0. https://kubernetes.io/docs/concepts/overview/working-with-objects/finalizers/
/// </summary>
internal static class Deletion
{
    private const string Foreground = "foregroundDeletion";
    private const string Orphan = "orphan";

    /// <summary>Whether an object that was just changed has nothing left that keeps it.</summary>
    public static bool IsDue(ResourceInfo resource, JsonObject obj)
    {
        var metadata = obj.Obj("metadata");
        return metadata?["deletionTimestamp"] is not null
            && metadata["finalizers"] is not JsonArray { Count: > 0 }
            && (metadata.Int("deletionGracePeriodSeconds") ?? 0) == 0
            && !(resource is { Group: "", Plural: "namespaces" } && obj.Obj("spec")?["finalizers"] is JsonArray { Count: > 0 });
    }

    /// <param name="admit">False when the objects go with their definition: whoever may delete that was asked there, and no rule about one object keeps it.</param>
    /// <returns>The object as it is after this step.</returns>
    public static async Task<JsonObject> DeleteAsync(
        ObjectRegistry registry, ResourceInfo resource, string ns, string name, JsonObject options, UserInfo user, bool dryRun, CancellationToken cancellationToken, Action<string>? warn = null, bool admit = true)
    {
        var key = ObjectRegistry.KeyOf(resource, ns, name);
        var stored = StorageVersions.Of(resource);
        while (true)
        {
            var entry = registry.Store.Get(key) ?? throw new ApiErrorException(ApiErrors.NotFound(resource, name));
            var old = await registry.StoredAsync(stored, entry, cancellationToken);
            CheckPreconditions(resource, name, options.Obj("preconditions"), old.Obj("metadata")!);
            if (admit)
            {
                await registry.AdmitAsync(new AdmissionRequest(stored, "", "DELETE", ns, name, null, old, user, dryRun) { Requested = resource, Options = OptionsOf(options, dryRun), Warn = warn }, cancellationToken);
            }

            var obj = (JsonObject)old.DeepClone();
            Mark(stored, obj, options, registry.Time.GetUtcNow());
            if (dryRun || JsonNode.DeepEquals(obj, old))
            {
                return StorageVersions.FromStorage(resource, obj);
            }

            var result = IsDue(stored, obj)
                ? await registry.RemoveAsync(stored, key, obj, entry.Revision, cancellationToken)
                : await registry.PutAsync(stored, key, obj, entry.Revision, cancellationToken);
            switch (result.Outcome)
            {
                case WriteOutcome.Committed:
                    obj.Obj("metadata")!["resourceVersion"] = ObjectRegistry.Revision(result.Entry!);
                    return StorageVersions.FromStorage(resource, obj);
                case WriteOutcome.NotFound:
                    throw new ApiErrorException(ApiErrors.NotFound(resource, name));
            }
        }
    }

    /// <summary>The DeleteOptions as admission is shown them.</summary>
    private static JsonObject OptionsOf(JsonObject options, bool dryRun)
    {
        var shown = (JsonObject)options.DeepClone();
        shown["kind"] = "DeleteOptions";
        shown["apiVersion"] = "meta.k8s.io/v1";
        if (dryRun)
        {
            shown["dryRun"] = new JsonArray("All");
        }

        return shown;
    }

    private static void Mark(ResourceInfo resource, JsonObject obj, JsonObject options, DateTimeOffset now)
    {
        var metadata = obj.Obj("metadata")!;
        SetFinalizers(metadata, options);
        var grace = Grace(resource, obj, options);
        if (metadata["deletionTimestamp"] is not null)
        {
            if (grace < (metadata.Int("deletionGracePeriodSeconds") ?? 0))
            {
                metadata["deletionTimestamp"] = Timestamps.Format(now.AddSeconds(grace));
                metadata["deletionGracePeriodSeconds"] = grace;
            }

            return;
        }

        metadata["deletionTimestamp"] = Timestamps.Format(now.AddSeconds(grace));
        metadata["deletionGracePeriodSeconds"] = grace;
        if (metadata.Int("generation") is { } generation)
        {
            metadata["generation"] = generation + 1;
        }

        if (resource is { Group: "", Plural: "namespaces" })
        {
            obj.Ensure("status")["phase"] = "Terminating";
        }
        else if (resource is { Group: "apiextensions.k8s.io", Plural: "customresourcedefinitions" })
        {
            // Its objects go first.
            if (metadata["finalizers"] is not JsonArray finalizers)
            {
                metadata["finalizers"] = finalizers = [];
            }

            if (finalizers.All(f => f.Text() != DefinitionStatus.Finalizer))
            {
                finalizers.Add((JsonNode)DefinitionStatus.Finalizer);
            }

            DefinitionStatus.SetCondition(
                obj.Ensure("status"), "Terminating", "True", "InstanceDeletionPending", "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon", Timestamps.Format(now));
        }
    }

    private static long Grace(ResourceInfo resource, JsonObject obj, JsonObject options)
    {
        if (KindRegistry.BehaviorFor(resource).DefaultGracePeriodSeconds(obj) is not { } own)
        {
            return 0;
        }

        var running = obj.Obj("spec").Str("nodeName").Length > 0 && obj.Obj("status").Str("phase") is not ("Succeeded" or "Failed");
        return running ? Math.Max(0, options.Int("gracePeriodSeconds") ?? own) : 0;
    }

    private static void SetFinalizers(JsonObject metadata, JsonObject options)
    {
        var policy = options.Str("propagationPolicy") is { Length: > 0 } said ? said : options.Bool("orphanDependents") == true ? "Orphan" : "";
        if (policy.Length == 0)
        {
            return;
        }

        var finalizers = (metadata["finalizers"] as JsonArray ?? []).Select(f => f.Text()).Where(f => f is not (Foreground or Orphan)).ToList();
        switch (policy)
        {
            case "Foreground":
                finalizers.Add(Foreground);
                break;
            case "Orphan":
                finalizers.Add(Orphan);
                break;
            case "Background":
                break;
            default:
                throw new ApiErrorException(ApiErrors.Invalid("meta.k8s.io", "DeleteOptions", "", [new FieldError("FieldValueNotSupported", "propagationPolicy", $"Unsupported value: \"{policy}\": supported values: \"Background\", \"Foreground\", \"Orphan\"")]));
        }

        metadata.Remove("finalizers");
        if (finalizers.Count > 0)
        {
            metadata["finalizers"] = new JsonArray([.. finalizers.Select(f => (JsonNode)f)]);
        }
    }

    private static void CheckPreconditions(ResourceInfo resource, string name, JsonObject? preconditions, JsonObject metadata)
    {
        foreach (var (field, label) in (ReadOnlySpan<(string, string)>)[("uid", "UID"), ("resourceVersion", "ResourceVersion")])
        {
            if (preconditions.Str(field) is { Length: > 0 } wanted && wanted != metadata.Str(field))
            {
                throw new ApiErrorException(ApiErrors.Conflict(resource, name, $"Precondition failed: {label} in precondition: {wanted}, {label} in object meta: {metadata.Str(field)}"));
            }
        }
    }
}
