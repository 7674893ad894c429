using System.Text.Json;
using Kaji.Api.Kinds;

namespace Kaji.Api.OpenApi;

/// <summary>The paths of a document: each verb of each resource and subresource, named as Kubernetes names its operations.</summary>
internal sealed class OpenApiPaths(Utf8JsonWriter w, OpenApiSchemas schemas, bool v3)
{
    private const string Meta = "io.k8s.apimachinery.pkg.apis.meta.v1.";
    private static readonly string[] Media = ["application/json", "application/yaml"];
    private static readonly string[] Patches = ["application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json", "application/apply-patch+yaml"];

    /// <summary>Custom resources know no strategic merge: kubectl takes the merge patch when it isn't offered here.</summary>
    private static readonly string[] CustomPatches = ["application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"];

    public void Write(IReadOnlyList<ResourceInfo> resources)
    {
        foreach (var resource in resources)
        {
            var root = "/" + OpenApiDocument.PathOf(resource.Group, resource.Version);
            var scoped = root + (resource.Namespaced ? "/namespaces/{namespace}/" : "/") + resource.Plural;
            var (self, list) = (OpenApiSchemas.NameOf(resource), OpenApiSchemas.NameOf(resource, resource.ListKind));
            Path(scoped, resource, named: false, null,
            [
                new("get", "list", "list", "list", OpenApiParameters.List, null, list), new("post", "create", "post", "create", OpenApiParameters.Write, self, self),
                new("delete", "deletecollection", "deletecollection", "delete", OpenApiParameters.Delete, Meta + "DeleteOptions", Meta + "Status"),
            ]);
            if (resource.Namespaced && Has(resource, "list"))
            {
                Path($"{root}/{resource.Plural}", resource, named: false, null, [new("get", "list", "list", "list", OpenApiParameters.List, null, list)], everywhere: true);
            }

            Path(scoped + "/{name}", resource, named: true, null,
            [
                new("get", "get", "get", "read", OpenApiParameters.None, null, self), new("put", "update", "put", "replace", OpenApiParameters.Write, self, self),
                new("patch", "patch", "patch", "patch", OpenApiParameters.Patch, Meta + "Patch", self), new("delete", "delete", "delete", "delete", OpenApiParameters.Delete, Meta + "DeleteOptions", Meta + "Status"),
            ]);
            foreach (var sub in resource.Subresources)
            {
                Subresource(scoped, resource, sub);
            }
        }
    }

    /// <summary>What tells about the API itself.</summary>
    public void WriteRoots(IReadOnlyList<ResourceInfo> resources)
    {
        Root("/api/", "getCoreAPIVersions", "core", Meta + "APIVersions");
        Root("/apis/", "getAPIVersions", "apis", Meta + "APIGroupList");
        foreach (var group in resources.Where(r => r.Group.Length > 0).Select(r => r.Group).Distinct(StringComparer.Ordinal))
        {
            Root($"/apis/{group}/", $"get{GroupName(group)}APIGroup", Tag(group), Meta + "APIGroup");
        }

        foreach (var (group, version) in resources.Select(r => (r.Group, r.Version)).Distinct())
        {
            Root($"/{OpenApiDocument.PathOf(group, version)}/", $"get{GroupName(group)}{Capital(version)}APIResources", $"{Tag(group)}_{version}", Meta + "APIResourceList");
        }

        Root("/version/", "getCodeVersion", "version", "io.k8s.apimachinery.pkg.version.Info");
    }

    private static bool Has(ResourceInfo resource, string verb) => resource.Verbs.Contains(verb, StringComparer.Ordinal);

    private void Subresource(string scoped, ResourceInfo resource, SubresourceInfo sub)
    {
        var name = OpenApiSchemas.NameOf(resource, sub);
        var path = $"{scoped}/{{name}}/{sub.Name}";
        if (sub.Kind.EndsWith("Options", StringComparison.Ordinal))
        {
            Operation[] connect =
            [
                .. ((ReadOnlySpan<(string Method, string Verb)>)[("get", "get"), ("put", "update"), ("post", "create"), ("delete", "delete"), ("patch", "patch")]).ToArray()
                    .Where(o => sub.Verbs.Contains(o.Verb, StringComparer.Ordinal)).Select(o => new Operation(o.Method, o.Verb, "connect", "connect" + Capital(o.Method), OpenApiParameters.None, null, null)),
            ];
            Path(path, resource, named: true, sub, connect);
            if (sub.Name == "proxy")
            {
                Path(path + "/{path}", resource, named: true, sub, connect);
            }

            return;
        }

        Path(path, resource, named: true, sub,
        [
            new("get", "get", "get", "read", OpenApiParameters.None, null, sub.Name == "log" ? null : name), new("post", "create", "post", "create", OpenApiParameters.Write, name, name),
            new("put", "update", "put", "replace", OpenApiParameters.Write, name, name), new("patch", "patch", "patch", "patch", OpenApiParameters.Patch, Meta + "Patch", name),
        ]);
    }

    /// <param name="everywhere">The list over all namespaces.</param>
    private void Path(string path, ResourceInfo resource, bool named, SubresourceInfo? sub, ReadOnlySpan<Operation> operations, bool everywhere = false)
    {
        var verbs = sub?.Verbs ?? resource.Verbs;
        var begun = false;
        foreach (var operation in operations)
        {
            if (!verbs.Contains(operation.Verb, StringComparer.Ordinal))
            {
                continue;
            }

            if (!begun)
            {
                begun = true;
                w.WriteStartObject(path);
                w.WriteStartArray("parameters");
                if (named)
                {
                    Parameter("name", "path", "string", $"name of the {sub?.Kind ?? resource.Kind}", required: true);
                }

                if (resource.Namespaced && !everywhere)
                {
                    Parameter("namespace", "path", "string", "object name and auth scope, such as for teams and projects", required: true);
                }

                if (path.EndsWith("/{path}", StringComparison.Ordinal))
                {
                    Parameter("path", "path", "string", "path to the resource", required: true);
                }

                Parameter(OpenApiParameters.Pretty.Name, "query", OpenApiParameters.Pretty.Type, OpenApiParameters.Pretty.Text, required: false);
                w.WriteEndArray();
            }

            Write(operation, resource, sub, everywhere, path);
        }

        if (begun)
        {
            w.WriteEndObject();
        }
    }

    private void Write(Operation operation, ResourceInfo resource, SubresourceInfo? sub, bool everywhere, string path)
    {
        w.WriteStartObject(operation.Method);
        w.WriteString("description", Text(operation, sub?.Name, resource.Kind, everywhere));
        w.WriteStartArray("tags");
        w.WriteStringValue($"{Tag(resource.Group)}_{resource.Version}");
        w.WriteEndArray();
        w.WriteString("operationId", Id(operation, resource, sub, everywhere, path));
        if (!v3)
        {
            Strings("consumes", operation.Action == "patch" ? PatchTypes(resource) : ["*/*"]);
            Strings("produces", operation.Action == "connect" ? ["*/*"] : Media);
            Strings("schemes", ["https"]);
        }

        w.WriteStartArray("parameters");
        if (!v3 && operation.Takes is { } body)
        {
            w.WriteStartObject();
            w.WriteString("name", "body");
            w.WriteString("in", "body");
            w.WriteBoolean("required", operation.Method != "delete");
            w.WriteStartObject("schema");
            schemas.Reference(body);
            w.WriteEndObject();
            w.WriteEndObject();
        }

        foreach (var (name, type, text) in operation.Parameters)
        {
            Parameter(name, "query", type, text, required: false);
        }

        w.WriteEndArray();
        if (v3 && operation.Takes is { } taken)
        {
            w.WriteStartObject("requestBody");
            w.WriteStartObject("content");
            foreach (var type in operation.Action == "patch" ? PatchTypes(resource) : ["*/*"])
            {
                Content(type, taken);
            }

            w.WriteEndObject();
            w.WriteBoolean("required", operation.Method != "delete");
            w.WriteEndObject();
        }

        w.WriteStartObject("responses");
        Response("200", "OK", operation.Gives);
        if (operation.Method is "post" or "put" or "patch" && operation.Action != "connect")
        {
            Response("201", "Created", operation.Gives);
        }

        if (operation.Method is "post" or "delete" && operation.Action is not ("connect" or "deletecollection"))
        {
            Response("202", "Accepted", operation.Gives);
        }

        Response("401", "Unauthorized", null);
        w.WriteEndObject();
        w.WriteString("x-kubernetes-action", operation.Action);
        var (group, version, kind) = sub is null ? (resource.Group, resource.Version, resource.Kind)
            : sub.KindApiVersion is { } other ? other.Split('/') is [var g, var v] ? (g, v, sub.Kind) : ("", other, sub.Kind) : (resource.Group, resource.Version, sub.Kind);
        w.WriteStartObject("x-kubernetes-group-version-kind");
        w.WriteString("group", group);
        w.WriteString("version", version);
        w.WriteString("kind", kind);
        w.WriteEndObject();
        w.WriteEndObject();
    }

    private static string[] PatchTypes(ResourceInfo resource) => resource.Custom is null ? Patches : CustomPatches;

    private void Root(string path, string id, string tag, string gives)
    {
        w.WriteStartObject(path);
        w.WriteStartObject("get");
        w.WriteString("description", id.EndsWith("Resources", StringComparison.Ordinal) ? "get available resources" : id == "getCodeVersion" ? "get the version information for this server" : "get information of a group");
        Strings("consumes", Media);
        Strings("produces", Media);
        Strings("schemes", ["https"]);
        Strings("tags", [tag]);
        w.WriteString("operationId", id);
        w.WriteStartObject("responses");
        Response("200", "OK", gives);
        Response("401", "Unauthorized", null);
        w.WriteEndObject();
        w.WriteEndObject();
        w.WriteEndObject();
    }

    private void Response(string code, string text, string? gives)
    {
        w.WriteStartObject(code);
        w.WriteString("description", text);
        if (code != "401")
        {
            if (!v3)
            {
                w.WriteStartObject("schema");
                Body(gives);
                w.WriteEndObject();
            }
            else
            {
                w.WriteStartObject("content");
                foreach (var type in gives is null ? ["*/*"] : Media)
                {
                    Content(type, gives);
                }

                w.WriteEndObject();
            }
        }

        w.WriteEndObject();
    }

    private void Content(string type, string? schema)
    {
        w.WriteStartObject(type);
        w.WriteStartObject("schema");
        Body(schema);
        w.WriteEndObject();
        w.WriteEndObject();
    }

    private void Body(string? schema)
    {
        if (schema is null)
        {
            w.WriteString("type", "string");
        }
        else
        {
            schemas.Reference(schema);
        }
    }

    private void Parameter(string name, string place, string type, string text, bool required)
    {
        w.WriteStartObject();
        w.WriteString("name", name);
        w.WriteString("in", place);
        w.WriteString("description", text);
        if (required)
        {
            w.WriteBoolean("required", true);
        }

        if (v3)
        {
            w.WriteStartObject("schema");
        }

        w.WriteString("type", type);
        w.WriteBoolean("uniqueItems", true);
        if (v3)
        {
            w.WriteEndObject();
        }

        w.WriteEndObject();
    }

    private void Strings(string name, ReadOnlySpan<string> values)
    {
        w.WriteStartArray(name);
        foreach (var value in values)
        {
            w.WriteStringValue(value);
        }

        w.WriteEndArray();
    }

    private static string Text(Operation operation, string? sub, string kind, bool everywhere) => operation.Action switch
    {
        "list" => $"list or watch objects of kind {kind}{(everywhere ? " in all namespaces" : "")}",
        "deletecollection" => $"delete collection of {kind}",
        "connect" => $"connect {operation.Method.ToUpperInvariant()} requests to {sub} of {kind}",
        var action => $"{action switch { "post" => "create", "put" => "replace the specified", "patch" => "partially update the specified", "get" => "read the specified", _ => action }} {(sub is null ? kind : $"{sub} of {(action == "post" ? "a " : "the specified ")}{kind}")}",
    };

    /// <summary>As <c>listCoreV1NamespacedPod</c>, <c>deleteAppsV1CollectionNamespacedDeployment</c>, <c>connectCoreV1GetNamespacedPodExec</c>.</summary>
    private static string Id(Operation operation, ResourceInfo resource, SubresourceInfo? sub, bool everywhere, string path)
    {
        var (verb, infix) = operation.Action switch
        {
            "connect" => ("connect", operation.Id["connect".Length..]),
            "deletecollection" => ("delete", "Collection"),
            _ => (operation.Id, ""),
        };
        var scope = resource.Namespaced && !everywhere ? "Namespaced" : "";
        return $"{verb}{GroupName(resource.Group)}{Capital(resource.Version)}{infix}{scope}{resource.Kind}{(everywhere ? "ForAllNamespaces" : "")}{(sub is null ? "" : Capital(sub.Name))}{(path.EndsWith("/{path}", StringComparison.Ordinal) ? "WithPath" : "")}";
    }

    private static string GroupName(string group) =>
        group.Length == 0 ? "Core" : string.Concat((group.EndsWith(".k8s.io", StringComparison.Ordinal) ? group[..^".k8s.io".Length] : group).Split('.', '-').Select(Capital));

    private static string Tag(string group)
    {
        var name = GroupName(group);
        return char.ToLowerInvariant(name[0]) + name[1..];
    }

    private static string Capital(string word) => word.Length == 0 ? word : char.ToUpperInvariant(word[0]) + word[1..];

    /// <summary>One verb on a path.</summary>
    /// <param name="Takes">Full name of the body's schema; null for none.</param>
    /// <param name="Gives">Full name of the answer's schema; null for text.</param>
    private readonly record struct Operation(string Method, string Verb, string Action, string Id, IReadOnlyList<(string Name, string Type, string Text)> Parameters, string? Takes, string? Gives);
}
