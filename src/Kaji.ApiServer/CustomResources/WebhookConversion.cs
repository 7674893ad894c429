using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.CustomResources;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Webhooks;

namespace Kaji.ApiServer.CustomResources;

/// <summary>
/// Conversion between versions by the definition's webhook: all objects of a request in one ConversionReview.
/// https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#webhook-conversion
/// </summary>
internal static class WebhookConversion
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    /// <exception cref="ApiErrorException">The webhook can't be reached, refuses, or answers what is not a conversion.</exception>
    public static async Task<IReadOnlyList<JsonObject>> ConvertAsync(WebhookClient webhooks, CustomVersion to, JsonObject[] objects, CancellationToken cancellationToken)
    {
        var definition = to.Definition;
        var apiVersion = to.Resource.ApiVersion;
        var webhook = definition.Conversion.Obj("webhook");
        var uid = Guid.NewGuid().ToString();
        var review = new JsonObject
        {
            ["kind"] = "ConversionReview", ["apiVersion"] = "apiextensions.k8s.io/v1",
            ["request"] = new JsonObject { ["uid"] = uid, ["desiredAPIVersion"] = apiVersion, ["objects"] = new JsonArray([.. objects.Select(o => o.DeepClone())]) },
        };
        JsonObject answer;
        try
        {
            answer = await webhooks.PostAsync(webhook.Obj("clientConfig") ?? [], review, Timeout, cancellationToken);
        }
        catch (WebhookException e)
        {
            throw Failed(definition, e.Message);
        }

        var response = answer.Obj("response");
        if (response.Str("uid") != uid)
        {
            throw Failed(definition, $"expected response.uid=\"{uid}\", got \"{response.Str("uid")}\"");
        }

        if (response.Obj("result").Str("status") != "Success")
        {
            throw Failed(definition, response.Obj("result").Str("message") is { Length: > 0 } message ? message : "webhook answered without success");
        }

        var converted = (response?["convertedObjects"] as JsonArray ?? []).OfType<JsonObject>().ToArray();
        if (converted.Length != objects.Length)
        {
            throw Failed(definition, $"returned {converted.Length} objects, expected {objects.Length}");
        }

        for (var i = 0; i < converted.Length; i++)
        {
            converted[i] = (JsonObject)converted[i].DeepClone();
            Accept(definition, i, objects[i], converted[i], apiVersion);
        }

        return converted;
    }

    private static void Accept(CustomDefinition definition, int index, JsonObject before, JsonObject after, string apiVersion)
    {
        if (after.Str("apiVersion") != apiVersion)
        {
            throw Failed(definition, $"returned invalid converted object at index {index}: invalid groupVersion (expected \"{apiVersion}\", received \"{after.Str("apiVersion")}\")");
        }

        if (after.Str("kind") != before.Str("kind"))
        {
            throw Failed(definition, $"returned invalid converted object at index {index}: invalid kind (expected \"{before.Str("kind")}\", received \"{after.Str("kind")}\")");
        }

        // A webhook may change labels and annotations, nothing else of metadata.
        var (kept, said) = (before.Obj("metadata") ?? [], after.Obj("metadata"));
        foreach (var field in (ReadOnlySpan<string>)["name", "namespace", "uid"])
        {
            if (said.Str(field) != kept.Str(field))
            {
                throw Failed(definition, $"returned invalid metadata in object at index {index}: must have the same {field}: {kept.Str(field)} != {said.Str(field)}");
            }
        }

        var metadata = (JsonObject)kept.DeepClone();
        foreach (var field in (ReadOnlySpan<string>)["labels", "annotations"])
        {
            metadata.CarryOver(said!, field);
        }

        after["metadata"] = metadata;
    }

    private static ApiErrorException Failed(CustomDefinition definition, string why) =>
        new(ApiErrors.Internal($"conversion webhook for {definition.Group}/{definition.Storage.Name}, Kind={definition.Kind} failed: {why}") with { Message = $"conversion webhook for {definition.Group}/{definition.Storage.Name}, Kind={definition.Kind} failed: {why}" });
}
