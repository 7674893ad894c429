using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Apply;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Authentication;

namespace Kaji.ApiServer.Registry;

/// <summary>
/// Server-side apply onto the registry: merges into what is there, or creates. https://kubernetes.io/docs/reference/using-api/server-side-apply/
/// </summary>
internal static class Applying
{
    private const int Attempts = 10;

    /// <param name="applied">The configuration, of the resource's own kind (for <c>/scale</c>: a Scale).</param>
    /// <param name="mayCreate">Refuses (throws) a user who may patch but not create.</param>
    /// <returns>The object as it is now (for <c>/scale</c>: the workload), and whether it is new.</returns>
    public static async Task<(JsonObject Object, bool Created)> ApplyAsync(
        ObjectRegistry registry, ResourceInfo resource, string ns, string name, string subresource, JsonObject applied, bool force, Action mayCreate, UserInfo user, WriteOptions options,
        CancellationToken cancellationToken)
    {
        if (subresource == "scale")
        {
            applied = OfScale(resource, applied);
        }

        CheckIdentity(resource, applied, ns, name);
        options = options with { Applied = true };
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return (await registry.UpdateAsync(resource, ns, name, subresource, Merged, user, options, cancellationToken), false);
            }
            catch (ApiErrorException e) when (e.Error.Code == 404 && subresource.Length == 0 && registry.Get(resource, ns, name) is null)
            {
                mayCreate();
            }

            if (applied.Obj("metadata").Str("uid") is { Length: > 0 } uid)
            {
                throw new ApiErrorException(ApiErrors.Conflict(resource, name, $"uid mismatch: the provided object specified uid {uid}, and no existing object was found"));
            }

            var made = Applied(null);
            made.Obj("metadata")!.Remove("resourceVersion");
            try
            {
                return (await registry.CreateAsync(resource, ns, made, user, options, cancellationToken), true);
            }
            catch (ApiErrorException e) when (e.Error.Reason == "AlreadyExists" && attempt < Attempts)
            {
                // Another was first: then it is an update after all.
                continue;
            }
        }

        JsonObject Merged(JsonObject old)
        {
            var merged = Applied(old);
            if (applied.Obj("metadata").Str("resourceVersion").Length == 0)
            {
                merged.Obj("metadata")!.Remove("resourceVersion");
            }

            return merged;
        }

        JsonObject Applied(JsonObject? live)
        {
            var result = FieldManager.Apply(live, applied, ApplySchemas.Of(resource), ApplySchemas.WriteOf(resource, subresource, options.FieldManager, registry.Time.GetUtcNow()), force);
            return result.Object ?? throw new ApiErrorException(result.Refusal!);
        }
    }

    private static void CheckIdentity(ResourceInfo resource, JsonObject applied, string ns, string name)
    {
        var (kind, apiVersion) = (applied.Str("kind"), applied.Str("apiVersion"));
        if (kind.Length == 0 || apiVersion.Length == 0)
        {
            throw new ApiErrorException(ApiErrors.BadRequest($"Object '{(kind.Length == 0 ? "Kind" : "apiVersion")}' is missing in the object"));
        }

        if (apiVersion != resource.ApiVersion)
        {
            throw new ApiErrorException(ApiErrors.BadRequest($"Incorrect version specified in apply patch. Specified patch version: {apiVersion}, expected: {resource.ApiVersion}"));
        }

        if (kind != resource.Kind)
        {
            throw new ApiErrorException(ApiErrors.BadRequest($"the kind in the data ({kind}) does not match the expected kind ({resource.Kind})"));
        }

        var metadata = applied.Ensure("metadata");
        if (metadata.Str("name") is { Length: > 0 } said && said != name)
        {
            throw new ApiErrorException(ApiErrors.BadRequest($"the name of the object ({said}) does not match the name on the URL ({name})"));
        }

        if (resource.Namespaced && metadata.Str("namespace") is { Length: > 0 } place && place != ns)
        {
            throw new ApiErrorException(ApiErrors.BadRequest("the namespace of the provided object does not match the namespace sent on the request"));
        }

        metadata["name"] = name;
        if (resource.Namespaced)
        {
            metadata["namespace"] = ns;
        }
    }

    /// <summary>A Scale's wish as a configuration of the workload: what it owns is the workload's replicas.</summary>
    private static JsonObject OfScale(ResourceInfo resource, JsonObject scale)
    {
        if (scale.Str("kind") != "Scale" || scale.Str("apiVersion") != "autoscaling/v1")
        {
            throw new ApiErrorException(ApiErrors.BadRequest($"Incorrect version specified in apply patch. Specified patch version: {scale.Str("apiVersion")}, Kind={scale.Str("kind")}, expected: autoscaling/v1, Kind=Scale"));
        }

        if (scale.Obj("metadata")?["managedFields"] is not null)
        {
            throw new ApiErrorException(ApiErrors.BadRequest("metadata.managedFields must be nil"));
        }

        var metadata = new JsonObject();
        foreach (var field in (ReadOnlySpan<string>)["name", "namespace", "uid", "resourceVersion"])
        {
            if (scale.Obj("metadata").Str(field) is { Length: > 0 } value)
            {
                metadata[field] = value;
            }
        }

        var workload = new JsonObject { ["apiVersion"] = resource.ApiVersion, ["kind"] = resource.Kind, ["metadata"] = metadata };
        if (resource.Custom?.Scale is { } paths && scale.Obj("spec")?["replicas"] is { } wanted)
        {
            paths.Spec.Set(workload, wanted.DeepClone());
        }
        else if (scale.Obj("spec")?["replicas"] is { } replicas)
        {
            workload["spec"] = new JsonObject { ["replicas"] = replicas.DeepClone() };
        }

        return workload;
    }
}
