using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.Api.Quotas;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Registry;

namespace Kaji.ApiServer.Admission.Quotas;

/// <summary>
/// ResourceQuota, the last step: what an object uses is added to the status of each quota of its namespace by compare-and-swap before the object is stored, so that
/// requests at the same time can't exceed it together. What is deleted, or was reserved and never stored, the quota controller finds.
/// https://kubernetes.io/docs/concepts/policy/resource-quotas/
/// </summary>
public sealed class ResourceQuotaAdmission(TimeProvider time) : IAdmissionPlugin
{
    private static readonly ResourceInfo Quotas = BuiltInResources.Find("", "v1", "resourcequotas")!;

    public IObjectRegistry? Objects { get; set; }

    public string Name => "ResourceQuota";

    public async ValueTask<ApiError?> ValidateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (!Concerns(request) || Objects!.List(Quotas, request.Namespace) is not { Count: > 0 } quotas)
        {
            return null;
        }

        var resource = request.Resource.GroupResource;
        var (obj, now) = (request.Object!, time.GetUtcNow());
        var usage = QuotaUsage.Of(resource, obj, now);
        var before = request.OldObject is { } old ? QuotaUsage.Of(resource, old, now) : null;
        var delta = (before is null ? usage : usage.LessToZero(before)).WithoutZeros();
        var due = new List<JsonObject>();
        foreach (var quota in quotas.Where(q => QuotaScopes.Match(q, resource == "pods", obj)))
        {
            var tracked = quota.Obj("status").Obj("hard")?.Select(h => h.Key).Where(h => QuotaUsage.TrackedBy(h) == resource).ToArray() ?? [];
            if (tracked.Length == 0)
            {
                continue;
            }

            var name = quota.Obj("metadata").Str("name");
            if (resource == "pods" && QuotaUsage.Missing(tracked, obj) is { } missing)
            {
                return Refused(request, $"failed quota: {name}: {missing}");
            }

            if (tracked.Where(t => quota.Obj("status").Obj("used")?.ContainsKey(t) != true).Order(StringComparer.Ordinal).ToArray() is { Length: > 0 } unknown)
            {
                return Refused(request, $"status unknown for quota: {name}, resources: {string.Join(',', unknown)}");
            }

            if (delta.Mask(tracked).Count > 0)
            {
                if (Exceeded(quota, delta) is { } refusal)
                {
                    return Refused(request, refusal);
                }

                due.Add(quota);
            }
        }

        return request.DryRun ? null : await ReserveAsync(request, due, delta, cancellationToken);
    }

    private static bool Concerns(AdmissionRequest request) => request.Namespace.Length > 0 && request.Object is not null && (request.Operation, request.Subresource) switch
    {
        ("CREATE", "") => true,
        ("UPDATE", "resize") => request.Resource is { Group: "", Plural: "pods" },
        ("UPDATE", "") => request.Resource is { Group: "", Plural: "services" or "persistentvolumeclaims" },
        _ => false,
    };

    private async Task<ApiError?> ReserveAsync(AdmissionRequest request, List<JsonObject> quotas, ResourceList delta, CancellationToken cancellationToken)
    {
        var reserved = new List<string>();
        foreach (var name in quotas.Select(q => q.Obj("metadata").Str("name")))
        {
            try
            {
                await ChangeAsync(request.Namespace, name, quota => Exceeded(quota, delta) is { } refusal ? throw new QuotaExceededException(refusal) : (used, mine) => used.Plus(mine), delta, cancellationToken);
                reserved.Add(name);
            }
            catch (ApiErrorException e) when (e.Error.Code == 404)
            {
                // Deleted in between: it limits nothing.
                continue;
            }
            catch (QuotaExceededException e)
            {
                // Another request was faster. What the quotas before this one have set aside is given back.
                foreach (var other in reserved)
                {
                    await GiveBackAsync(request.Namespace, other, delta);
                }

                return Refused(request, e.Message);
            }
        }

        request.Undo.AddRange(reserved.Select(name => (Func<Task>)(() => GiveBackAsync(request.Namespace, name, delta))));
        return null;
    }

    private async Task GiveBackAsync(string ns, string name, ResourceList delta)
    {
        try
        {
            await ChangeAsync(ns, name, _ => (used, mine) => used.LessToZero(mine), delta, CancellationToken.None);
        }
        catch (ApiErrorException e) when (e.Error.Code is 404 or 409)
        {
            // Gone, or written all the time: the controller counts anew.
            return;
        }
    }

    private Task<JsonObject> ChangeAsync(string ns, string name, Func<JsonObject, Func<ResourceList, ResourceList, ResourceList>> how, ResourceList delta, CancellationToken cancellationToken) => Objects!.UpdateAsync(
        Quotas, ns, name, "status",
        quota =>
        {
            var change = how(quota);
            var status = quota.Ensure("status");
            var used = ResourceList.Of(status.Obj("used"));
            var mine = delta.Mask(status.Obj("hard")?.Select(h => h.Key) ?? []);
            foreach (var (entry, amount) in change(used.Mask(mine.Keys), mine))
            {
                used[entry] = amount;
            }

            status["used"] = used.ToJson();
            return true;
        },
        UserInfo.ApiServer, cancellationToken);

    /// <summary><c>exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1</c>, or null.</summary>
    private static string? Exceeded(JsonObject quota, ResourceList delta)
    {
        var hard = ResourceList.Of(quota.Obj("status").Obj("hard"));
        var used = ResourceList.Of(quota.Obj("status").Obj("used"));
        var asked = delta.Mask(hard.Keys);
        var sum = used.Mask(asked.Keys).Plus(asked);
        var exceeded = asked.Keys.Where(name => sum[name] > hard[name]).ToArray();
        return exceeded.Length == 0 ? null
            : $"exceeded quota: {quota.Obj("metadata").Str("name")}, requested: {asked.Mask(exceeded)}, used: {used.Mask(exceeded)}, limited: {hard.Mask(exceeded)}";
    }

    private static ApiError Refused(AdmissionRequest request, string why) => ApiErrors.Forbidden(request.Resource, request.Name, why);

    private sealed class QuotaExceededException(string message) : Exception(message);
}
