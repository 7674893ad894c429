using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Admission.Expressions;
using Kaji.ApiServer.Admission.Matching;
using Kaji.ApiServer.Authorization;
using Kaji.ApiServer.Registry;
using Kaji.ApiServer.Webhooks;

namespace Kaji.ApiServer.Admission.Webhooks;

/// <summary>What a webhook said: a refusal, or a patch (null for none).</summary>
internal sealed record WebhookAnswer(ApiError? Refusal, JsonArray? Patch)
{
    public static WebhookAnswer Nothing { get; } = new(null, null);
}

/// <summary>One webhook for one request: does it concern it, ask it, understand the answer. https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/</summary>
internal sealed class WebhookCall(WebhookClient client, IObjectRegistry objects, IAuthorizer authorizer)
{
    /// <summary>Kinds that decide about admission themselves are never subject to it by webhook: else nobody could repair them.</summary>
    public static bool IsExempt(ResourceInfo resource) => resource.Group == "admissionregistration.k8s.io";

    /// <summary>The request as the webhook is to see it; null when it is not its concern.</summary>
    public (AdmissionView? View, ApiError? Refusal) Concerns(Webhook webhook, AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (webhook.Matcher.Match(request, AdmissionView.OperationOf(request), objects) is not { } matched)
        {
            return (null, null);
        }

        var view = new AdmissionView(request, matched, objects);
        if (webhook.Conditions is null)
        {
            return (view, null);
        }

        var (holds, error) = webhook.Conditions.Evaluate(new AdmissionBindings(request, view, null, authorizer, objects), new CostBudget(CostBudget.OfConditions), cancellationToken);
        if (error is not null && !webhook.IgnoresFailure)
        {
            return (null, ApiErrors.Forbidden(request.Requested, request.Name, error));
        }

        return (holds && error is null ? view : null, null);
    }

    /// <summary>Asks; whatever fails is answered by the webhook's failure policy.</summary>
    public async Task<WebhookAnswer> AskAsync(Webhook webhook, AdmissionRequest request, AdmissionView view, CancellationToken cancellationToken)
    {
        if (request.DryRun && webhook.HasSideEffects)
        {
            return new(ApiErrors.BadRequest($"admission webhook \"{webhook.Name}\" does not support dry run"), null);
        }

        try
        {
            return await PostAsync(webhook, request, view, cancellationToken);
        }
        catch (WebhookException e)
        {
            return Failed(webhook, request, $"failed calling webhook \"{webhook.Name}\": failed to call webhook: {e.Message}");
        }
    }

    /// <summary>A failure of the webhook, by its policy a refusal or nothing.</summary>
    public static WebhookAnswer Failed(Webhook webhook, AdmissionRequest request, string message)
    {
        if (!webhook.IgnoresFailure)
        {
            return new(ApiErrors.Internal(message), null);
        }

        request.AuditAnnotations[$"failed-open.admission.k8s.io/{webhook.Key}"] = webhook.Name;
        return WebhookAnswer.Nothing;
    }

    private async Task<WebhookAnswer> PostAsync(Webhook webhook, AdmissionRequest request, AdmissionView view, CancellationToken cancellationToken)
    {
        var asked = view.ToRequest();
        asked["object"] = view.Object?.DeepClone();
        asked["oldObject"] = view.OldObject?.DeepClone();
        var apiVersion = $"admission.k8s.io/{webhook.ReviewVersion}";
        var review = await client.PostAsync(webhook.ClientConfig, new JsonObject { ["kind"] = "AdmissionReview", ["apiVersion"] = apiVersion, ["request"] = asked }, webhook.Timeout, cancellationToken);
        if (review.Obj("response") is not { } response)
        {
            throw new WebhookException("webhook response was absent");
        }

        if (webhook.ReviewVersion == "v1" && (review.Str("kind") != "AdmissionReview" || review.Str("apiVersion") != apiVersion))
        {
            throw new WebhookException($"expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got {(review.Str("apiVersion") is { Length: > 0 } said ? said : "/")}, Kind={review.Str("kind")}");
        }

        if (webhook.ReviewVersion == "v1" && response.Str("uid") != asked.Str("uid"))
        {
            throw new WebhookException($"expected response.uid=\"{asked.Str("uid")}\", got \"{response.Str("uid")}\"");
        }

        foreach (var warning in (response["warnings"] as JsonArray ?? []).Select(w => w.Text()))
        {
            request.Warn?.Invoke(warning);
        }

        foreach (var (key, value) in response.Obj("auditAnnotations") ?? [])
        {
            request.AuditAnnotations[$"{webhook.Name}/{key}"] = value.Text();
        }

        return response.Bool("allowed") == true ? new(null, PatchOf(response)) : new(Denied(webhook.Name, response.Obj("status")), null);
    }

    private static JsonArray? PatchOf(JsonObject response)
    {
        if (response.Str("patch") is not { Length: > 0 } encoded)
        {
            return null;
        }

        if (response.Str("patchType") is { Length: > 0 } type && type != "JSONPatch")
        {
            throw new WebhookException($"invalid response.patchType of {type}");
        }

        try
        {
            return JsonNode.Parse(Convert.FromBase64String(encoded)) as JsonArray ?? throw new WebhookException("response.patch is not a JSON patch");
        }
        catch (Exception e) when (e is FormatException or System.Text.Json.JsonException)
        {
            throw new WebhookException($"response.patch is not a JSON patch: {e.Message}", inner: e);
        }
    }

    private static ApiError Denied(string name, JsonObject? status)
    {
        var by = $"admission webhook \"{name}\" denied the request";
        var (message, reason, code) = (status.Str("message"), status.Str("reason"), (int)(status.Int("code") ?? 0));
        var details = status.Obj("details");
        return new ApiError(code < 400 ? 400 : code, reason, message.Length > 0 ? $"{by}: {message}" : reason.Length > 0 ? $"{by}: {reason}" : $"{by} without explanation")
        {
            Name = details?["name"]?.Text(), Group = details?["group"]?.Text(), Kind = details?["kind"]?.Text(), RetryAfterSeconds = (int)(details.Int("retryAfterSeconds") ?? 0),
            Causes = [.. details.Items("causes").Select(c => new FieldError(c.Str("reason"), c.Str("field"), c.Str("message")))],
        };
    }
}
