using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.Api.Metadata;
using Kaji.Api.Selectors;
using Kaji.ApiServer.Admission;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Requests;
using Kaji.ApiServer.Responses;
using Microsoft.AspNetCore.Http;

namespace Kaji.ApiServer.Registry;

/// <summary>
/// <c>pods/eviction</c>: a delete that a PodDisruptionBudget may put off. An eviction is counted in the budget's status before the Pod is deleted, so that two at a time can't both
/// take the last one allowed; the disruption controller sets the count anew when it sees the Pod go. https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/
/// </summary>
internal sealed class EvictionEndpoint(ObjectRegistry registry, long bodyLimit) : IEndpoint
{
    private const int MaxUnconfirmed = 2000;
    private const int RetryAfterSeconds = 10;
    private const string Violates = "Cannot evict pod as it would violate the pod's disruption budget.";
    private static readonly ResourceInfo Pods = BuiltInResources.Find("", "v1", "pods")!;
    private static readonly ResourceInfo Budgets = BuiltInResources.Find("policy", "v1", "poddisruptionbudgets")!;

    public string Group => "";

    public string Resource => "pods";

    public string Subresource => "eviction";

    public async Task HandleAsync(HttpContext context, RequestInfo request, UserInfo user)
    {
        var eviction = await BodyReader.ReadObjectAsync(context, bodyLimit) ?? [];
        if (eviction.Obj("metadata").Str("name") is { Length: > 0 } said && said != request.Name)
        {
            throw new ApiErrorException(ApiErrors.BadRequest("name in URL does not match name in Eviction object"));
        }

        var pod = registry.Get(Pods, request.Namespace, request.Name) ?? throw new ApiErrorException(ApiErrors.NotFound(Pods, request.Name));
        var dryRun = eviction.Obj("deleteOptions")?["dryRun"] is JsonArray { Count: > 0 } || context.Request.Query["dryRun"].ToString() == "All";
        await registry.AdmitAsync(
            new AdmissionRequest(Pods, Subresource, "CREATE", request.Namespace, request.Name, eviction, null, user, dryRun) { Options = new WriteOptions(dryRun, "Ignore", null).ToJson("CreateOptions"), Warn = context.Warn },
            context.RequestAborted);
        if (!IsIgnored(pod))
        {
            await CountAsync(pod, request, user, dryRun, context.RequestAborted);
        }

        await Deletion.DeleteAsync(registry, Pods, request.Namespace, request.Name, eviction.Obj("deleteOptions") ?? [], user, dryRun, context.RequestAborted, context.Warn);
        await context.WriteNodeAsync(201, new JsonObject { ["kind"] = "Status", ["apiVersion"] = "v1", ["metadata"] = new JsonObject(), ["status"] = "Success", ["code"] = 201 });
    }

    /// <summary>A Pod that serves nobody, or goes anyway, is in no budget.</summary>
    private static bool IsIgnored(JsonObject pod) => pod.Obj("status").Str("phase") is "Succeeded" or "Failed" or "Pending" || pod.Obj("metadata")?["deletionTimestamp"] is not null;

    private async Task CountAsync(JsonObject pod, RequestInfo request, UserInfo user, bool dryRun, CancellationToken cancellationToken)
    {
        var budgets = registry.List(Budgets, request.Namespace)
            .Where(b => b.Obj("spec").Obj("selector") is { } selector && LabelSelector.FromObject(selector).Matches(pod.Obj("metadata").Obj("labels"))).ToArray();
        if (budgets.Length > 1)
        {
            throw new ApiErrorException(new ApiError(500, "InternalError", "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."));
        }

        if (budgets.Length == 0 || (!IsReady(pod) && IsFree(budgets[0])))
        {
            return;
        }

        var name = budgets[0].Obj("metadata").Str("name");
        if (dryRun)
        {
            Take(budgets[0], request.Name);
            return;
        }

        await registry.UpdateAsync(
            Budgets,
            request.Namespace,
            name,
            "status",
            budget =>
            {
                Take(budget, request.Name);
                return true;
            },
            user,
            cancellationToken);
    }

    private static bool IsReady(JsonObject pod) => pod.Obj("status").Items("conditions").Any(c => c.Str("type") == "Ready" && c.Str("status") == "True");

    /// <summary>Whether a Pod that is not ready can go without being counted.</summary>
    private static bool IsFree(JsonObject budget)
    {
        var (current, desired) = (budget.Obj("status").Int("currentHealthy") ?? 0, budget.Obj("status").Int("desiredHealthy") ?? 0);
        return budget.Obj("spec").Str("unhealthyPodEvictionPolicy") == "AlwaysAllow" || (current >= desired && desired > 0);
    }

    /// <summary>Takes one of the disruptions allowed.</summary>
    private void Take(JsonObject budget, string pod)
    {
        var (name, status) = (budget.Obj("metadata").Str("name"), budget.Ensure("status"));
        if (status.Int("observedGeneration") is { } seen && seen < (budget.Obj("metadata").Int("generation") ?? 0))
        {
            throw Refused($"The disruption budget {name} is still being processed by the server.");
        }

        var allowed = status.Int("disruptionsAllowed") ?? 0;
        if (allowed < 0)
        {
            throw new ApiErrorException(ApiErrors.Forbidden(Budgets, name, "pdb disruptions allowed is negative"));
        }

        var disrupted = status.Ensure("disruptedPods");
        if (disrupted.Count > MaxUnconfirmed)
        {
            throw new ApiErrorException(ApiErrors.Forbidden(Budgets, name, "DisruptedPods map too big - too many evictions not confirmed by PDB controller"));
        }

        if (allowed == 0)
        {
            throw Refused($"The disruption budget {name} needs {status.Int("desiredHealthy") ?? 0} healthy pods and has {status.Int("currentHealthy") ?? 0} currently");
        }

        status["disruptionsAllowed"] = allowed - 1;
        disrupted[pod] = Timestamps.Format(registry.Time.GetUtcNow());
        if (allowed == 1 && status.Items("conditions").FirstOrDefault(c => c.Str("type") == "DisruptionAllowed") is { } condition && condition.Str("status") == "True")
        {
            condition["status"] = "False";
            condition["reason"] = "InsufficientPods";
            condition["lastTransitionTime"] = Timestamps.Format(registry.Time.GetUtcNow());
        }
    }

    private static ApiErrorException Refused(string why) => new(ApiErrors.TooManyRequests(RetryAfterSeconds, Violates) with { Causes = [new FieldError("DisruptionBudget", "", why)] });
}
