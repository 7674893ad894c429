using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Apply;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.Api.Patches;
using Kaji.Api.Schemas;
using Kaji.ApiServer.Admission;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Authorization;
using Kaji.ApiServer.Requests;
using Kaji.ApiServer.Responses;
using Kaji.Store;
using Microsoft.AspNetCore.Http;

namespace Kaji.ApiServer.Registry;

/// <summary>The HTTP verbs of stored resources and their subresources.</summary>
internal sealed class ResourceHandler(ObjectRegistry registry, IAuthorizer authorizer, long bodyLimit, CancellationToken stopping)
{
    private const string PatchTypes = "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml";
    private const string CustomPatchTypes = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
    private readonly ListHandler _list = new(registry);
    private readonly WatchHandler _watch = new(registry, stopping);

    public Task HandleAsync(HttpContext context, RequestInfo info, ResourceInfo resource, UserInfo user)
    {
        if (info.Subresource.Length > 0 && !resource.Subresources.Any(s => s.Name == info.Subresource && s.Verbs.Contains(info.Verb, StringComparer.Ordinal)))
        {
            throw new ApiErrorException(resource.Subresources.Any(s => s.Name == info.Subresource) ? ApiErrors.MethodNotAllowed() : ApiErrors.NoSuchPath());
        }

        if (info.Subresource.Length == 0 && !resource.Verbs.Contains(info.Verb, StringComparer.Ordinal))
        {
            throw new ApiErrorException(ApiErrors.MethodNotAllowed());
        }

        if (resource.Namespaced && info.Namespace.Length == 0 && info.Verb is not ("list" or "watch"))
        {
            throw new ApiErrorException(info.Verb == "create" ? ApiErrors.BadRequest("the namespace is missing from the path") : ApiErrors.MethodNotAllowed());
        }

        var ns = resource.Namespaced ? info.Namespace : "";
        info = info with { Namespace = ns };
        return info.Verb switch
        {
            "get" => GetAsync(context, info, resource),
            "list" => _list.HandleAsync(context, info, resource),
            "watch" => _watch.HandleAsync(context, info, resource),
            "create" => CreateAsync(context, info, resource, user),
            "update" => UpdateAsync(context, info, resource, user),
            "patch" => PatchAsync(context, info, resource, user),
            "delete" => DeleteAsync(context, info, resource, user),
            "deletecollection" => DeleteCollectionAsync(context, info, resource, user),
            _ => throw new ApiErrorException(ApiErrors.MethodNotAllowed()),
        };
    }

    /// <summary>Admission of a connection to a Pod, Service or node: exec, attach, portforward, proxy.</summary>
    public Task AdmitConnectAsync(HttpContext context, RequestInfo info, ResourceInfo resource, UserInfo user) =>
        registry.AdmitAsync(
            new AdmissionRequest(resource, info.Subresource, "CONNECT", info.Namespace, info.Name, ConnectOptions.Of(resource, info, context.Request.Query), null, user, DryRun: false) { Warn = context.Warn },
            context.RequestAborted);

    private async Task GetAsync(HttpContext context, RequestInfo info, ResourceInfo resource)
    {
        var representation = Representation.Of(context.Request);
        var entry = registry.Store.Get(ObjectRegistry.KeyOf(resource, info.Namespace, info.Name)) ?? throw new ApiErrorException(ApiErrors.NotFound(resource, info.Name));
        if (info.Subresource != "scale" && representation.Form == Form.Object && StorageVersions.IsStored(resource))
        {
            await context.WriteJsonAsync(200, entry.Value);
            return;
        }

        var obj = await registry.ReadAsync(resource, entry, context.RequestAborted);
        await context.WriteNodeAsync(200, info.Subresource == "scale" ? ScaleView.Of(obj, resource) : representation.One(resource, obj, registry.Time.GetUtcNow()));
    }

    private async Task CreateAsync(HttpContext context, RequestInfo info, ResourceInfo resource, UserInfo user)
    {
        var body = await BodyReader.ReadObjectAsync(context, bodyLimit) ?? throw new ApiErrorException(ApiErrors.BadRequest("the body of the request is empty"));
        var made = await registry.CreateAsync(resource, info.Namespace, body, user, Options(context, "CreateOptions"), context.RequestAborted);
        await WriteAsync(context, 201, resource, made);
    }

    private async Task UpdateAsync(HttpContext context, RequestInfo info, ResourceInfo resource, UserInfo user)
    {
        var body = await BodyReader.ReadObjectAsync(context, bodyLimit) ?? throw new ApiErrorException(ApiErrors.BadRequest("the body of the request is empty"));
        var now = await registry.UpdateAsync(
            resource,
            info.Namespace,
            info.Name,
            info.Subresource,
            old =>
            {
                if (info.Subresource != "scale")
                {
                    return (JsonObject)body.DeepClone();
                }

                ScaleView.Apply(old, body, resource);
                return old;
            },
            user,
            Options(context, "UpdateOptions"),
            context.RequestAborted);
        await WriteAsync(context, 200, resource, info.Subresource == "scale" ? ScaleView.Of(now, resource) : now, plain: info.Subresource == "scale");
    }

    private async Task PatchAsync(HttpContext context, RequestInfo info, ResourceInfo resource, UserInfo user)
    {
        var type = BodyReader.MediaType(context.Request);
        if (type == "application/apply-patch+yaml")
        {
            await ApplyAsync(context, info, resource, user);
            return;
        }

        if (resource.Custom is not null && type is "application/strategic-merge-patch+json")
        {
            throw new ApiErrorException(ApiErrors.UnsupportedMediaType(type, CustomPatchTypes));
        }

        if (type is not ("application/json-patch+json" or "application/merge-patch+json" or "application/strategic-merge-patch+json"))
        {
            throw new ApiErrorException(ApiErrors.UnsupportedMediaType(type, PatchTypes));
        }

        var patch = ObjectCodec.Parse((await BodyReader.ReadAsync(context, bodyLimit)).Span, context);
        var scale = info.Subresource == "scale";
        var definition = BuiltInSchemas.NameOf(resource.Group, resource.Version, resource.Kind);
        var now = await registry.UpdateAsync(
            resource,
            info.Namespace,
            info.Name,
            info.Subresource,
            old =>
            {
                var before = old.Obj("metadata")!.Str("resourceVersion");
                var target = scale ? ScaleView.Of(old, resource) : old;
                target.Obj("metadata")!["resourceVersion"] = before;
                var patched = Patched(type, target, patch, definition);
                var said = patched.Obj("metadata").Str("resourceVersion");
                if (said == before)
                {
                    // The patch says nothing about the version: it goes onto whatever is newest.
                    patched.Obj("metadata")?.Remove("resourceVersion");
                }

                if (!scale)
                {
                    return patched;
                }

                ScaleView.Apply(old, patched, resource);
                return old;
            },
            user,
            Options(context, "PatchOptions"),
            context.RequestAborted);
        await WriteAsync(context, 200, resource, scale ? ScaleView.Of(now, resource) : now, plain: scale);
    }

    private async Task ApplyAsync(HttpContext context, RequestInfo info, ResourceInfo resource, UserInfo user)
    {
        var options = Options(context, "PatchOptions", apply: true);
        var applied = await BodyReader.ReadObjectAsync(context, bodyLimit) ?? throw new ApiErrorException(ApiErrors.BadRequest("the body of the request is empty"));
        var force = context.Request.Query["force"].ToString() is "true" or "1" or "True" or "t" or "T" or "TRUE";
        var (now, created) = await Applying.ApplyAsync(
            registry,
            resource,
            info.Namespace,
            info.Name,
            info.Subresource,
            applied,
            force,
            () =>
            {
                var creating = info with { Verb = "create" };
                if (!authorizer.Authorize(user, creating).Allowed)
                {
                    throw new ApiErrorException(ForbiddenMessage.Of(user, creating));
                }
            },
            user,
            options,
            context.RequestAborted);
        var scale = info.Subresource == "scale";
        await WriteAsync(context, created ? 201 : 200, resource, scale ? ScaleView.Of(now, resource) : now, plain: scale);
    }

    private static JsonObject Patched(string type, JsonObject target, JsonNode patch, string definition)
    {
        var result = type switch
        {
            "application/json-patch+json" => JsonPatch.Apply(target, patch as JsonArray ?? throw new ApiErrorException(ApiErrors.BadRequest("a JSON patch is an array"))),
            "application/merge-patch+json" => MergePatch.Apply(target, patch as JsonObject ?? throw new ApiErrorException(ApiErrors.BadRequest("a merge patch is an object"))),
            _ => StrategicMergePatch.Apply(target, patch as JsonObject ?? throw new ApiErrorException(ApiErrors.BadRequest("a strategic merge patch is an object")), definition),
        };
        return result as JsonObject ?? throw new ApiErrorException(ApiErrors.BadRequest("the patched document is not an object"));
    }

    private async Task DeleteAsync(HttpContext context, RequestInfo info, ResourceInfo resource, UserInfo user)
    {
        var options = await DeleteOptionsAsync(context);
        var uid = registry.Get(resource, info.Namespace, info.Name)?.Obj("metadata").Str("uid");
        var obj = await Deletion.DeleteAsync(registry, resource, info.Namespace, info.Name, options, user, IsDryRun(context), context.RequestAborted, context.Warn);
        if (registry.Store.Get(ObjectRegistry.KeyOf(resource, info.Namespace, info.Name)) is not null && !IsDryRun(context))
        {
            await WriteAsync(context, 200, resource, obj);
            return;
        }

        // Pods are answered with the object, as Kubernetes does; other kinds with a Status.
        if (resource is { Group: "", Plural: "pods" })
        {
            await WriteAsync(context, 200, resource, obj);
            return;
        }

        await context.WriteNodeAsync(200, new JsonObject
        {
            ["kind"] = "Status", ["apiVersion"] = "v1", ["metadata"] = new JsonObject(), ["status"] = "Success",
            ["details"] = new JsonObject { ["name"] = info.Name, ["group"] = resource.Group, ["kind"] = resource.Plural, ["uid"] = uid },
        });
    }

    private async Task DeleteCollectionAsync(HttpContext context, RequestInfo info, ResourceInfo resource, UserInfo user)
    {
        var options = await DeleteOptionsAsync(context);
        var selection = Selection.Of(resource, info, context.Request.Query);
        var items = new JsonArray();
        var all = await registry.ReadAsync(resource, registry.Store.Range(StorageKeys.Collection(StorageVersions.Of(resource), info.Namespace)).Entries, context.RequestAborted);
        foreach (var obj in all.Where(selection.Matches))
        {
            try
            {
                items.Add((JsonNode)await Deletion.DeleteAsync(
                    registry, resource, obj.Obj("metadata").Str("namespace"), obj.Obj("metadata").Str("name"), options, user, IsDryRun(context), context.RequestAborted, context.Warn));
            }
            catch (ApiErrorException e) when (e.Error.Code == 404)
            {
                // Gone in between: that was the wish.
                continue;
            }
        }

        await context.WriteNodeAsync(200, new JsonObject
        {
            ["kind"] = resource.ListKind, ["apiVersion"] = resource.ApiVersion,
            ["metadata"] = new JsonObject { ["resourceVersion"] = registry.Store.Revision.ToString(System.Globalization.CultureInfo.InvariantCulture) }, ["items"] = items,
        });
    }

    private async Task<JsonObject> DeleteOptionsAsync(HttpContext context)
    {
        var options = await BodyReader.ReadObjectAsync(context, bodyLimit) ?? [];
        var query = context.Request.Query;
        if (query["gracePeriodSeconds"].ToString() is { Length: > 0 } grace)
        {
            options["gracePeriodSeconds"] = ListHandler.ParseRevision(grace);
        }

        if (query["propagationPolicy"].ToString() is { Length: > 0 } policy)
        {
            options["propagationPolicy"] = policy;
        }

        if (options["dryRun"] is JsonArray { Count: > 0 })
        {
            context.Items["dryRun"] = true;
        }

        return options;
    }

    private Task WriteAsync(HttpContext context, int code, ResourceInfo resource, JsonObject obj, bool plain = false) =>
        context.WriteNodeAsync(code, plain ? obj : Representation.Of(context.Request).One(resource, obj, registry.Time.GetUtcNow()));

    private static bool IsDryRun(HttpContext context)
    {
        var said = context.Request.Query["dryRun"].ToString();
        if (said.Length > 0 && said != "All")
        {
            throw new ApiErrorException(ApiErrors.Invalid("meta.k8s.io", "CreateOptions", "", [new FieldError("FieldValueNotSupported", "dryRun", $"Unsupported value: \"{said}\": supported values: \"All\"")]));
        }

        return said == "All" || context.Items.ContainsKey("dryRun");
    }

    private static WriteOptions Options(HttpContext context, string kind, bool apply = false)
    {
        var query = context.Request.Query;
        var errors = new List<FieldError>();
        if (!apply && kind == "PatchOptions" && query.ContainsKey("force"))
        {
            errors.Forbidden("force", "may not be specified for non-apply patch");
        }

        var manager = query["fieldManager"].ToString();
        if (apply && manager.Length == 0)
        {
            errors.Required("fieldManager", "is required for apply patch");
        }

        FieldManager.ValidateManager(manager, "fieldManager", errors);
        var validation = query["fieldValidation"].ToString();
        if (validation.Length > 0 && validation is not ("Strict" or "Warn" or "Ignore"))
        {
            errors.NotSupported("fieldValidation", validation, ["", "Ignore", "Strict", "Warn"]);
        }

        if (errors.Count > 0)
        {
            throw new ApiErrorException(ApiErrors.Invalid("meta.k8s.io", kind, "", errors));
        }

        return new WriteOptions(IsDryRun(context), validation.Length == 0 ? "Warn" : validation, context.Warn)
        {
            Kind = kind, Duplicates = DuplicateFields.Of(context), AuditAnnotations = Audit.AuditRecord.Of(context)?.Annotations, FieldManager = manager.Length > 0 ? manager : FieldManager.OfUserAgent(context.Request.Headers.UserAgent.ToString()),
        };
    }
}
