using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Requests;
using Microsoft.AspNetCore.Http;

namespace Kaji.ApiServer.Registry;

/// <summary>The query of a connect request as the options object that admission is shown: <c>PodExecOptions</c> and its like.</summary>
internal static class ConnectOptions
{
    public static JsonObject Of(ResourceInfo resource, RequestInfo info, IQueryCollection query)
    {
        var kind = info.Subresource switch
        {
            "exec" => "PodExecOptions",
            "attach" => "PodAttachOptions",
            "portforward" => "PodPortForwardOptions",
            _ => $"{resource.Kind}ProxyOptions",
        };
        var options = new JsonObject { ["kind"] = kind, ["apiVersion"] = "v1" };
        switch (info.Subresource)
        {
            case "exec" or "attach":
                foreach (var stream in (ReadOnlySpan<string>)["stdin", "stdout", "stderr", "tty"])
                {
                    if (query[stream].ToString() is "true" or "1")
                    {
                        options[stream] = true;
                    }
                }

                if (query["container"].ToString() is { Length: > 0 } container)
                {
                    options["container"] = container;
                }

                if (info.Subresource == "exec")
                {
                    options["command"] = new JsonArray([.. query["command"].Select(c => (JsonNode?)c)]);
                }

                break;
            case "portforward":
                var ports = query["ports"].SelectMany(p => (p ?? "").Split(',')).Where(p => int.TryParse(p, out _)).ToArray();
                if (ports.Length > 0)
                {
                    options["ports"] = new JsonArray([.. ports.Select(p => (JsonNode)int.Parse(p, System.Globalization.CultureInfo.InvariantCulture))]);
                }

                break;
            default:
                options["path"] = info.Rest;
                break;
        }

        return options;
    }
}
