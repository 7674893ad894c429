using Kaji.Api.Selectors;
using Microsoft.AspNetCore.Http;

namespace Kaji.ApiServer.Requests;

/// <summary>
/// Reads what a request is about off its method and path (k8s.io/apiserver/pkg/endpoints/request).
/// </summary>
/// <example>
/// <code>
/// GET  /api/v1/namespaces/a/pods/b/log        get   pods/log b in a
/// GET  /apis/apps/v1/deployments?watch=1      watch deployments in all namespaces
/// GET  /api/v1/namespaces/a                   get   namespaces a (namespace a)
/// GET  /healthz                               no resource
/// </code>
/// </example>
public static class RequestInfoParser
{
    public static RequestInfo Parse(HttpRequest request)
    {
        var path = request.Path.Value ?? "/";
        var plain = new RequestInfo { Path = path, Verb = request.Method.ToLowerInvariant() };
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var at = parts switch
        {
            ["api", _, _, ..] => 2,
            ["apis", _, _, _, ..] => 3,
            _ => -1,
        };
        if (at < 0)
        {
            return plain;
        }

        var (group, version) = at == 2 ? ("", parts[1]) : (parts[1], parts[2]);
        var watchPath = parts[at] == "watch" && parts.Length > at + 1;
        if (watchPath)
        {
            at++;
        }

        var ns = "";
        if (parts[at] == "namespaces" && parts.Length > at + 1)
        {
            ns = parts[at + 1];
            if (parts.Length > at + 2 && parts[at + 2] is not ("status" or "finalize"))
            {
                at += 2;
            }
        }

        var resource = parts[at];
        var name = parts.Length > at + 1 ? parts[at + 1] : "";
        var subresource = parts.Length > at + 2 ? parts[at + 2] : "";
        var rest = parts.Length > at + 3 ? string.Join('/', parts.AsSpan(at + 3).ToArray()) : "";
        if (subresource == "proxy" && rest.Length > 0 && path.EndsWith('/'))
        {
            rest += "/";
        }

        var verb = request.Method switch
        {
            "POST" => "create",

            // A WebSocket begins with a GET, but what it does to a Pod is what a POST would: to read Pods is not to run commands in them.
            "GET" when resource == "pods" && subresource is ("exec" or "attach" or "portforward") => "create",
            "PUT" => "update",
            "PATCH" => "patch",
            "DELETE" => name.Length == 0 ? "deletecollection" : "delete",
            _ when watchPath || request.Query["watch"].ToString() is "1" or "true" or "True" => "watch",
            _ => name.Length == 0 ? "list" : "get",
        };
        if (verb == "list" && name.Length == 0 && watchPath)
        {
            verb = "watch";
        }

        if (name.Length == 0 && verb is ("list" or "watch" or "deletecollection"))
        {
            // To list or watch one object is a right that can be given by its name.
            name = NameOf(request.Query["fieldSelector"].ToString());
        }

        return new RequestInfo
        {
            IsResourceRequest = true, Path = path, Verb = verb, Group = group, Version = version, Namespace = ns,
            Resource = resource, Name = name, Subresource = subresource, Rest = rest,
        };
    }

    private static string NameOf(string fieldSelector) =>
        fieldSelector.Contains("metadata.name", StringComparison.Ordinal) && FieldSelector.TryParse(fieldSelector, out var selector, out _)
            ? selector.Requirements.FirstOrDefault(r => r is { Field: "metadata.name", Equal: true })?.Value ?? ""
            : "";
}
