using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.Api.Metadata;

namespace Kaji.Api.Tables;

/// <summary>Cells of what rules the API server itself: admission, aggregation, certificates, priority; and of quotas, revisions, templates.</summary>
internal static class ControlCells
{
    private const string Unset = "<unset>";

    public static readonly Dictionary<(string Group, string Plural), Func<JsonObject, DateTimeOffset, IReadOnlyList<JsonNode?>>> Known = new()
    {
        [("", "resourcequotas")] = Quota,
        [("", "podtemplates")] = (o, _) =>
        [
            Cells.Name(o), string.Join(",", o.Obj("template").Obj("spec").Items("containers").Select(c => c.Str("name"))),
            string.Join(",", o.Obj("template").Obj("spec").Items("containers").Select(c => c.Str("image"))), Cells.Map(o.Obj("template").Obj("metadata").Obj("labels")),
        ],
        [("apps", "controllerrevisions")] = (o, now) => [Cells.Name(o), Controller(o), o.Int("revision") ?? 0, Cells.Age(o, now)],
        [("admissionregistration.k8s.io", "mutatingwebhookconfigurations")] = (o, now) => [Cells.Name(o), o.Items("webhooks").Count(), Cells.Age(o, now)],
        [("admissionregistration.k8s.io", "validatingwebhookconfigurations")] = (o, now) => [Cells.Name(o), o.Items("webhooks").Count(), Cells.Age(o, now)],
        [("admissionregistration.k8s.io", "mutatingadmissionpolicies")] = (o, now) => [Cells.Name(o), o.Obj("spec").Items("mutations").Count(), ParamKind(o), Cells.Age(o, now)],
        [("admissionregistration.k8s.io", "validatingadmissionpolicies")] = (o, now) => [Cells.Name(o), o.Obj("spec").Items("validations").Count(), ParamKind(o), Cells.Age(o, now)],
        [("admissionregistration.k8s.io", "mutatingadmissionpolicybindings")] = Binding,
        [("admissionregistration.k8s.io", "validatingadmissionpolicybindings")] = Binding,
        [("apiregistration.k8s.io", "apiservices")] = (o, now) =>
        [
            Cells.Name(o), o.Obj("spec").Obj("service") is { } service ? $"{service.Str("namespace")}/{service.Str("name")}" : "Local", Available(o), Cells.Age(o, now),
        ],
        [("certificates.k8s.io", "certificatesigningrequests")] = (o, now) =>
        [
            Cells.Name(o), Cells.Age(o, now), o.Obj("spec").Str("signerName") is { Length: > 0 } signer ? signer : Cells.None, o.Obj("spec").Str("username"),
            o.Obj("spec").Int("expirationSeconds") is { } seconds ? Timestamps.HumanDuration(TimeSpan.FromSeconds(seconds)) : Cells.None, Decision(o),
        ],
        [("flowcontrol.apiserver.k8s.io", "flowschemas")] = (o, now) =>
        [
            Cells.Name(o), o.Obj("spec").Obj("priorityLevelConfiguration").Str("name"), o.Obj("spec").Int("matchingPrecedence") ?? 0,
            o.Obj("spec").Obj("distinguisherMethod").Str("type") is { Length: > 0 } method ? method : Cells.None, Cells.Age(o, now),
            Condition(o, "Dangling").Str("status") is { Length: > 0 } dangling ? dangling : "?",
        ],
        [("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations")] = Level,
        [("node.k8s.io", "runtimeclasses")] = (o, now) => [Cells.Name(o), o.Str("handler"), Cells.Age(o, now)],
    };

    private static JsonNode?[] Quota(JsonObject o, DateTimeOffset now)
    {
        var status = o.Obj("status");
        var (requests, limits) = (new List<string>(), new List<string>());
        foreach (var (name, hard) in (status.Obj("hard") ?? []).OrderBy(p => p.Key, StringComparer.Ordinal))
        {
            (name.StartsWith("limits", StringComparison.Ordinal) ? limits : requests).Add($"{name}: {(status.Obj("used")?[name] is { } used ? used.Text() : "0")}/{hard.Text()}");
        }

        return [Cells.Name(o), string.Join(", ", requests), string.Join(", ", limits), Cells.Age(o, now)];
    }

    private static JsonNode?[] Level(JsonObject o, DateTimeOffset now)
    {
        var limited = o.Obj("spec").Obj("limited");
        var queuing = limited.Obj("limitResponse").Obj("queuing");
        JsonNode Of(JsonObject? from, string field) => from?[field]?.DeepClone() ?? Cells.None;
        return
        [
            Cells.Name(o), o.Obj("spec").Str("type"), Of(limited ?? o.Obj("spec").Obj("exempt"), "nominalConcurrencyShares"), Of(queuing, "queues"), Of(queuing, "handSize"),
            Of(queuing, "queueLengthLimit"), Cells.Age(o, now),
        ];
    }

    private static JsonNode?[] Binding(JsonObject o, DateTimeOffset now)
    {
        var reference = o.Obj("spec").Obj("paramRef");
        var shown = reference is null ? Unset
            : reference.Str("name") is { Length: > 0 } name ? (reference.Str("namespace") is { Length: > 0 } ns ? $"{ns}/{name}" : name)
            : reference.Obj("selector") is { } selector ? Cells.Selector(selector) : Unset;
        return [Cells.Name(o), o.Obj("spec").Str("policyName"), shown, Cells.Age(o, now)];
    }

    private static string ParamKind(JsonObject o) => o.Obj("spec").Obj("paramKind") is { } kind ? $"{kind.Str("apiVersion")}/{kind.Str("kind")}" : Unset;

    private static string Controller(JsonObject o)
    {
        var owner = o.Obj("metadata").Items("ownerReferences").FirstOrDefault(r => r.Bool("controller") == true);
        if (owner is null)
        {
            return Cells.None;
        }

        var group = owner.Str("apiVersion").Split('/') is [var name, _] ? "." + name : "";
        return $"{owner.Str("kind").ToLowerInvariant()}{group}/{owner.Str("name")}";
    }

    private static string Available(JsonObject o)
    {
        var condition = Condition(o, "Available");
        return condition is null ? "Unknown" : condition.Str("status") == "True" ? "True" : $"{condition.Str("status")} ({condition.Str("reason")})";
    }

    private static string Decision(JsonObject o)
    {
        bool Is(string type) => Condition(o, type) is not null;
        var state = Is("Denied") ? "Denied" : Is("Approved") ? "Approved" : "Pending";
        return state + (Is("Failed") ? ",Failed" : "") + (o.Obj("status").Str("certificate").Length > 0 ? ",Issued" : "");
    }

    private static JsonObject? Condition(JsonObject o, string type) => o.Obj("status").Items("conditions").FirstOrDefault(c => c.Str("type") == type);
}
