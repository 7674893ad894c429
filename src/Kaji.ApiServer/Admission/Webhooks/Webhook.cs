using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Admission.Expressions;
using Kaji.ApiServer.Admission.Matching;

namespace Kaji.ApiServer.Admission.Webhooks;

/// <summary>A webhook of a configuration, with its rules and conditions made ready.</summary>
internal sealed class Webhook(string configuration, JsonObject webhook)
{
    public string Name { get; } = webhook.Str("name");

    /// <summary>Among all webhooks.</summary>
    public string Key { get; } = $"{configuration}/{webhook.Str("name")}";

    public string Configuration => configuration;

    public JsonObject ClientConfig { get; } = webhook.Obj("clientConfig") ?? [];

    public RequestMatcher Matcher { get; } = RequestMatcher.OfWebhook(webhook);

    public MatchConditions? Conditions { get; } = webhook["matchConditions"] is JsonArray { Count: > 0 } ? new MatchConditions(webhook.Items("matchConditions"), AdmissionEnvironment.OfWebhooks) : null;

    public bool IgnoresFailure { get; } = webhook.Str("failurePolicy") == "Ignore";

    public bool HasSideEffects { get; } = webhook.Str("sideEffects") is not ("None" or "NoneOnDryRun");

    public bool Reinvoked { get; } = webhook.Str("reinvocationPolicy") == "IfNeeded";

    public TimeSpan Timeout { get; } = TimeSpan.FromSeconds(webhook.Int("timeoutSeconds") ?? 10);

    public string ReviewVersion { get; } = (webhook["admissionReviewVersions"] as JsonArray)?.Select(v => v.Text()).FirstOrDefault(v => v is "v1" or "v1beta1") ?? "v1";
}
