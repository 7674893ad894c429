using System.Text;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Registry;
using Kaji.ApiServer.Requests;
using Microsoft.AspNetCore.Http;

namespace Kaji.ApiServer.Streaming;

/// <summary>The endpoints that are answered by a node agent or a Pod: log, exec, attach, portforward, and the proxies.</summary>
public static class PodStreamEndpoints
{
    private static readonly Dictionary<string, string> AgentNames = new(StringComparer.Ordinal) { ["stdin"] = "input", ["stdout"] = "output", ["stderr"] = "error" };

    public static IReadOnlyList<IEndpoint> All(IObjectRegistry objects, NodeConnectionOptions options)
    {
        var target = new PodTarget(objects);
        var forwarder = new NodeForwarder(options);
        return
        [
            new Endpoint("pods", "log", (context, request) => LogAsync(context, request, target, forwarder)),
            new Endpoint("pods", "exec", (context, request) => StreamAsync(context, request, target, forwarder, "exec")),
            new Endpoint("pods", "attach", (context, request) => StreamAsync(context, request, target, forwarder, "attach")),
            new Endpoint("pods", "portforward", (context, request) => PortForwardAsync(context, request, target, forwarder)),
            new Endpoint("nodes", "proxy", (context, request) => forwarder.ToNodeAsync(context, target.Node(request.Name.Split(':')[0]), $"/{request.Rest}{context.Request.QueryString}")),
            new Endpoint("pods", "proxy", (context, request) => PodProxyAsync(context, request, target, forwarder)),
            new Endpoint("services", "proxy", (context, request) => ServiceProxyAsync(context, request, objects, forwarder)),
        ];
    }

    private static Task LogAsync(HttpContext context, RequestInfo request, PodTarget target, NodeForwarder forwarder)
    {
        var pod = target.Pod(request);
        var query = context.Request.Query;
        var container = PodTarget.Container(pod, query["container"].ToString());
        var rest = new StringBuilder();
        foreach (var name in (string[])["follow", "previous", "sinceSeconds", "sinceTime", "timestamps", "tailLines", "limitBytes", "stream"])
        {
            if (query[name].ToString() is { Length: > 0 } value)
            {
                rest.Append(rest.Length == 0 ? '?' : '&').Append(name).Append('=').Append(Uri.EscapeDataString(value));
            }
        }

        return forwarder.ToNodeAsync(context, target.NodeOf(pod), $"/containerLogs/{request.Namespace}/{request.Name}/{container}{rest}");
    }

    private static Task StreamAsync(HttpContext context, RequestInfo request, PodTarget target, NodeForwarder forwarder, string what)
    {
        RequireUpgrade(context);
        var pod = target.Pod(request);
        var query = context.Request.Query;
        var container = PodTarget.Container(pod, query["container"].ToString());
        if (what == "exec" && query["command"].Count == 0)
        {
            throw new ApiErrorException(ApiErrors.BadRequest("you must specify at least 1 command for the container"));
        }

        var rest = new StringBuilder();
        foreach (var (name, values) in query.Where(q => q.Key is "command" or "stdin" or "stdout" or "stderr" or "tty"))
        {
            foreach (var value in values)
            {
                var said = name == "command" ? value ?? "" : value is "true" or "1" ? "1" : "0";
                rest.Append(rest.Length == 0 ? '?' : '&').Append(AgentNames.GetValueOrDefault(name, name)).Append('=').Append(Uri.EscapeDataString(said));
            }
        }

        return forwarder.ToNodeAsync(context, target.NodeOf(pod), $"/{what}/{request.Namespace}/{request.Name}/{container}{rest}");
    }

    private static Task PortForwardAsync(HttpContext context, RequestInfo request, PodTarget target, NodeForwarder forwarder)
    {
        RequireUpgrade(context);
        return forwarder.ToNodeAsync(context, target.NodeOf(target.Pod(request)), $"/portForward/{request.Namespace}/{request.Name}{context.Request.QueryString}");
    }

    private static void RequireUpgrade(HttpContext context)
    {
        if (context.Request.Headers.Upgrade.Count == 0)
        {
            throw new ApiErrorException(ApiErrors.BadRequest("Upgrade request required"));
        }
    }

    private static Task PodProxyAsync(HttpContext context, RequestInfo request, PodTarget target, NodeForwarder forwarder)
    {
        var (scheme, name, port) = Split(request.Name);
        var pod = target.Pod(request with { Name = name });
        var ip = pod.Obj("status").Str("podIP");
        if (ip.Length == 0)
        {
            throw new ApiErrorException(ApiErrors.Unavailable($"pod {name} has no address yet"));
        }

        var ports = pod.Obj("spec").Items("containers").SelectMany(c => c.Items("ports")).ToArray();
        var number = port.Length == 0 ? ports.FirstOrDefault().Int("containerPort") ?? 80
            : long.TryParse(port, out var said) ? said
            : ports.FirstOrDefault(p => p.Str("name") == port).Int("containerPort") ?? throw new ApiErrorException(ApiErrors.BadRequest($"pod {name} has no port named {port}"));
        return forwarder.ToPodAsync(context, new Uri($"{scheme}://{ip}:{number}/{request.Rest}{context.Request.QueryString}"));
    }

    private static Task ServiceProxyAsync(HttpContext context, RequestInfo request, IObjectRegistry objects, NodeForwarder forwarder)
    {
        var (scheme, name, port) = Split(request.Name);
        var services = BuiltInResources.Find("", "v1", "services")!;
        var service = objects.Get(services, request.Namespace, name) ?? throw new ApiErrorException(ApiErrors.NotFound(services, name));
        var chosen = service.Obj("spec").Items("ports").FirstOrDefault(p => port.Length == 0 || p.Str("name") == port || p["port"].Text() == port)
            ?? throw new ApiErrorException(ApiErrors.Unavailable($"no service port \"{port}\" found for service \"{name}\""));
        foreach (var slice in objects.List(BuiltInResources.Find("discovery.k8s.io", "v1", "endpointslices")!, request.Namespace).Where(s => s.Obj("metadata").Obj("labels").Str("kubernetes.io/service-name") == name))
        {
            var target = slice.Items("ports").FirstOrDefault(p => p.Str("name") == chosen.Str("name")).Int("port");
            var ready = slice.Items("endpoints").FirstOrDefault(e => e.Obj("conditions").Bool("ready") != false);
            if (target is not null && ready?["addresses"]?[0].Text() is { Length: > 0 } address)
            {
                return forwarder.ToPodAsync(context, new Uri($"{scheme}://{address}:{target}/{request.Rest}{context.Request.QueryString}"));
            }
        }

        throw new ApiErrorException(ApiErrors.Unavailable($"no endpoints available for service \"{name}\""));
    }

    /// <summary><c>[http(s):]name[:port]</c>.</summary>
    private static (string Scheme, string Name, string Port) Split(string name) => name.Split(':') switch
    {
        [var only] => ("http", only, ""),
        [var n, var port] => ("http", n, port),
        [var scheme, var n, var port] => (scheme.Length == 0 ? "http" : scheme, n, port),
        _ => throw new ApiErrorException(ApiErrors.BadRequest($"{name}: expected [scheme:]name[:port]")),
    };

    private sealed class Endpoint(string resource, string subresource, Func<HttpContext, RequestInfo, Task> handle) : IEndpoint
    {
        public string Group => "";

        public string Resource => resource;

        public string Subresource => subresource;

        public Task HandleAsync(HttpContext context, RequestInfo request, UserInfo user) => handle(context, request);
    }
}
