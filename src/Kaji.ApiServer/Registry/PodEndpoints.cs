using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.Api.Metadata;
using Kaji.ApiServer.Admission;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Requests;
using Kaji.ApiServer.Responses;
using Microsoft.AspNetCore.Http;

namespace Kaji.ApiServer.Registry;

/// <summary><c>pods/binding</c>: the scheduler's decision. A Pod is bound once.</summary>
internal sealed class BindingEndpoint(ObjectRegistry registry, long bodyLimit) : IEndpoint
{
    public string Group => "";

    public string Resource => "pods";

    public string Subresource => "binding";

    public async Task HandleAsync(HttpContext context, RequestInfo request, UserInfo user)
    {
        var pods = BuiltInResources.Find("", "v1", "pods")!;
        var binding = await BodyReader.ReadObjectAsync(context, bodyLimit) ?? throw new ApiErrorException(ApiErrors.BadRequest("the body of the request is empty"));
        var node = binding.Obj("target").Str("name");
        if (node.Length == 0)
        {
            throw new ApiErrorException(ApiErrors.Invalid("", "Binding", request.Name, [new FieldError("FieldValueRequired", "target.name", "Required value")]));
        }

        await registry.UpdateAsync(
            pods,
            request.Namespace,
            request.Name,
            "binding",
            pod =>
            {
                if (pod.Obj("metadata")?["deletionTimestamp"] is not null)
                {
                    throw new ApiErrorException(ApiErrors.Conflict(pods, request.Name, $"pod {request.Name} is being deleted, cannot be assigned to a host"));
                }

                if (pod.Obj("spec").Str("nodeName") is { Length: > 0 } already)
                {
                    throw new ApiErrorException(ApiErrors.Conflict(pods, request.Name, $"pod {request.Name} is already assigned to node \"{already}\""));
                }

                pod.Ensure("spec")["nodeName"] = node;
                var status = pod.Ensure("status");
                var conditions = new JsonArray([.. status.Items("conditions").Where(c => c.Str("type") != "PodScheduled").Select(c => c.DeepClone())]);
                conditions.Add((JsonNode)new JsonObject { ["type"] = "PodScheduled", ["status"] = "True", ["lastProbeTime"] = null, ["lastTransitionTime"] = Timestamps.Format(registry.Time.GetUtcNow()) });
                status["conditions"] = conditions;
                return true;
            },
            user,
            context.RequestAborted);
        await context.WriteNodeAsync(201, new JsonObject { ["kind"] = "Status", ["apiVersion"] = "v1", ["metadata"] = new JsonObject(), ["status"] = "Success", ["code"] = 201 });
    }
}
