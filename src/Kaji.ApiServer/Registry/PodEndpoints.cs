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

/// <summary><c>pods/eviction</c>: a delete that PodDisruptionBudgets may put off.</summary>
internal sealed class EvictionEndpoint(ObjectRegistry registry, long bodyLimit) : IEndpoint
{
    public string Group => "";

    public string Resource => "pods";

    public string Subresource => "eviction";

    public async Task HandleAsync(HttpContext context, RequestInfo request, UserInfo user)
    {
        var pods = BuiltInResources.Find("", "v1", "pods")!;
        var eviction = await BodyReader.ReadObjectAsync(context, bodyLimit) ?? [];
        var pod = registry.Get(pods, request.Namespace, request.Name) ?? throw new ApiErrorException(ApiErrors.NotFound(pods, request.Name));
        var budgets = registry.List(BuiltInResources.Find("policy", "v1", "poddisruptionbudgets")!, request.Namespace)
            .Where(b => b.Obj("spec").Obj("selector") is { } selector && Kaji.Api.Selectors.LabelSelector.FromObject(selector).Matches(pod.Obj("metadata").Obj("labels")));
        if (pod.Obj("status").Str("phase") is not ("Succeeded" or "Failed" or "Pending") && budgets.FirstOrDefault(b => (b.Obj("status").Int("disruptionsAllowed") ?? 0) <= 0) is { } blocking)
        {
            throw new ApiErrorException(ApiErrors.TooManyRequests(10, "Cannot evict pod as it would violate the pod's disruption budget.") with
            {
                Causes = [new FieldError("DisruptionBudget", "", $"The disruption budget {blocking.Obj("metadata").Str("name")} needs {blocking.Obj("status").Int("desiredHealthy") ?? 0} healthy pods and has {blocking.Obj("status").Int("currentHealthy") ?? 0} currently")],
            });
        }

        var dryRun = eviction.Obj("deleteOptions")?["dryRun"] is JsonArray { Count: > 0 } || context.Request.Query["dryRun"].ToString() == "All";
        await registry.AdmitAsync(
            new AdmissionRequest(pods, Subresource, "CREATE", request.Namespace, request.Name, eviction, null, user, dryRun) { Options = new WriteOptions(dryRun, "Ignore", null).ToJson("CreateOptions"), Warn = context.Warn },
            context.RequestAborted);
        await Deletion.DeleteAsync(registry, pods, request.Namespace, request.Name, eviction.Obj("deleteOptions") ?? [], user, dryRun, context.RequestAborted, context.Warn);
        await context.WriteNodeAsync(201, new JsonObject { ["kind"] = "Status", ["apiVersion"] = "v1", ["metadata"] = new JsonObject(), ["status"] = "Success", ["code"] = 201 });
    }
}
