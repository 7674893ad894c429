using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Patches;
using Kaji.ApiServer.Admission.Matching;

namespace Kaji.ApiServer.Admission.Webhooks;

/// <summary>MutatingAdmissionWebhook: one after the other, by the names of their configurations; each sees what those before it made of the object.</summary>
internal sealed class MutatingWebhooks(Func<IReadOnlyList<Webhook>> webhooks, Func<WebhookCall> call) : IAdmissionPlugin
{
    public string Name => "MutatingAdmissionWebhook";

    public bool Reinvocable => true;

    public ValueTask<ApiError?> MutateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        var all = webhooks();
        return all.Count == 0 || WebhookCall.IsExempt(request.Resource) ? ValueTask.FromResult<ApiError?>(null) : new ValueTask<ApiError?>(RunAsync(all, request, cancellationToken));
    }

    private async Task<ApiError?> RunAsync(IReadOnlyList<Webhook> all, AdmissionRequest request, CancellationToken cancellationToken)
    {
        var asking = call();
        foreach (var webhook in all)
        {
            var key = $"webhook {webhook.Key}";
            if (!request.Reinvocation.IsDue(key, webhook.Reinvoked, request.Object))
            {
                continue;
            }

            var (view, refusal) = asking.Concerns(webhook, request, cancellationToken);
            if (refusal is not null)
            {
                return refusal;
            }

            if (view is null)
            {
                continue;
            }

            var answer = await asking.AskAsync(webhook, request, view, cancellationToken);
            if (answer.Refusal is not null)
            {
                return answer.Refusal;
            }

            if (answer.Patch is { Count: > 0 } patch && view.Object is { } shown && Patch(webhook, request, view, (JsonObject)shown.DeepClone(), patch) is { } failed)
            {
                return failed;
            }

            if (webhook.Reinvoked)
            {
                request.Reinvocation.Left(key, request.Object);
            }
        }

        return null;
    }

    private static ApiError? Patch(Webhook webhook, AdmissionRequest request, AdmissionView view, JsonObject copy, JsonArray patch)
    {
        try
        {
            var patched = JsonPatch.Apply(copy, patch) as JsonObject ?? throw new ApiErrorException(new ApiError(422, "Invalid", "the patched document is not an object"));
            if (!JsonNode.DeepEquals(patched, view.Object))
            {
                view.Take(patched);
                request.Reinvocation.Changed(request.Object);
            }

            return null;
        }
        catch (ApiErrorException e)
        {
            return WebhookCall.Failed(webhook, request, $"failed calling webhook \"{webhook.Name}\": failed to apply patch: {e.Message}").Refusal;
        }
    }
}

/// <summary>ValidatingAdmissionWebhook: all at once; the first refusal, in their order, is the answer.</summary>
internal sealed class ValidatingWebhooks(Func<IReadOnlyList<Webhook>> webhooks, Func<WebhookCall> call) : IAdmissionPlugin
{
    public string Name => "ValidatingAdmissionWebhook";

    public ValueTask<ApiError?> ValidateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        var all = webhooks();
        return all.Count == 0 || WebhookCall.IsExempt(request.Resource) ? ValueTask.FromResult<ApiError?>(null) : new ValueTask<ApiError?>(RunAsync(all, request, cancellationToken));
    }

    private async Task<ApiError?> RunAsync(IReadOnlyList<Webhook> all, AdmissionRequest request, CancellationToken cancellationToken)
    {
        var asking = call();
        var concerned = new List<(Webhook, AdmissionView)>();
        foreach (var webhook in all)
        {
            var (view, refusal) = asking.Concerns(webhook, request, cancellationToken);
            if (refusal is not null)
            {
                return refusal;
            }

            if (view is not null)
            {
                concerned.Add((webhook, view));
            }
        }

        if (concerned.Count == 0)
        {
            return null;
        }

        // They are called at the same time, so none may tell the client while another still writes.
        var gate = new Lock();
        var warn = request.Warn;
        var guarded = request with { Warn = warn is null ? null : text => { lock (gate) { warn(text); } }, AuditAnnotations = new System.Collections.Concurrent.ConcurrentDictionary<string, string>(StringComparer.Ordinal) };
        var answers = await Task.WhenAll(concerned.Select(c => asking.AskAsync(c.Item1, guarded, c.Item2, cancellationToken)));
        foreach (var (key, value) in guarded.AuditAnnotations)
        {
            request.AuditAnnotations[key] = value;
        }

        return answers.FirstOrDefault(a => a.Refusal is not null)?.Refusal;
    }
}
