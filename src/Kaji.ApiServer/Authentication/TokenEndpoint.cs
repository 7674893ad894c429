using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.Api.Metadata;
using Kaji.ApiServer.Registry;
using Kaji.ApiServer.Requests;
using Kaji.ApiServer.Responses;
using Microsoft.AspNetCore.Http;

namespace Kaji.ApiServer.Authentication;

/// <summary><c>serviceaccounts/token</c>: issues a bound token (<c>kubectl create token</c>, the node agent for its Pods). A node gets tokens only for Pods it runs.</summary>
public sealed class TokenEndpoint(IObjectRegistry objects, ServiceAccountTokens tokens, TimeProvider time) : IEndpoint
{
    private const long BodyLimit = 64 * 1024;
    private const long MinSeconds = 600;
    private const long MaxSeconds = 1L << 32;
    private const string NodePrefix = "system:node:";

    public string Group => "";

    public string Resource => "serviceaccounts";

    public string Subresource => "token";

    public async Task HandleAsync(HttpContext context, RequestInfo request, UserInfo user)
    {
        var accounts = BuiltInResources.Find("", "v1", "serviceaccounts")!;
        var review = await BodyReader.ReadObjectAsync(context, BodyLimit) ?? [];
        var account = objects.Get(accounts, request.Namespace, request.Name) ?? throw new ApiErrorException(ApiErrors.NotFound(accounts, request.Name));
        var spec = review.Ensure("spec");
        spec.Default("expirationSeconds", 3600);
        var seconds = spec.Int("expirationSeconds") ?? 0;
        if (seconds is < MinSeconds or > MaxSeconds)
        {
            throw new ApiErrorException(ApiErrors.Invalid("authentication.k8s.io", "TokenRequest", "", [new FieldError("FieldValueInvalid", "spec.expirationSeconds", $"Invalid value: {seconds}: may not specify a duration {(seconds < MinSeconds ? "less than 10 minutes" : "larger than 2^32 seconds")}")]));
        }

        var audiences = spec["audiences"] is JsonArray { Count: > 0 } list ? list.Select(a => a.Text()).ToArray() : [ServiceAccountTokens.Issuer];
        var bound = Bound(spec.Obj("boundObjectRef"), request, user);
        var issued = tokens.Issue(account, audiences, TimeSpan.FromSeconds(seconds), bound, NodeOf(bound, request.Namespace));
        spec["audiences"] = new JsonArray([.. audiences.Select(a => (JsonNode)a)]);
        review["kind"] = "TokenRequest";
        review["apiVersion"] = "authentication.k8s.io/v1";
        var metadata = review.Ensure("metadata");
        (metadata["name"], metadata["namespace"]) = (request.Name, request.Namespace);
        review["status"] = new JsonObject { ["token"] = issued, ["expirationTimestamp"] = Timestamps.Format(time.GetUtcNow().AddSeconds(seconds)) };
        await context.WriteNodeAsync(201, review);
    }

    /// <summary>The node that a Pod runs on.</summary>
    private (string, string)? NodeOf((string Kind, string Name, string Uid)? bound, string ns) =>
        bound is { Kind: "pod" } pod
        && objects.Get(BuiltInResources.Find("", "v1", "pods")!, ns, pod.Name).Obj("spec").Str("nodeName") is { Length: > 0 } name
        && objects.Get(BuiltInResources.Find("", "v1", "nodes")!, "", name).Obj("metadata").Str("uid") is { Length: > 0 } uid
            ? (name, uid)
            : null;

    private (string, string, string)? Bound(JsonObject? reference, RequestInfo request, UserInfo user)
    {
        var asNode = user.Name.StartsWith(NodePrefix, StringComparison.Ordinal);
        if (reference is null)
        {
            return asNode ? throw Refused(request, "node requested token not bound to a pod") : null;
        }

        var (resource, kind) = reference.Str("kind") switch
        {
            "Pod" => (BuiltInResources.Find("", "v1", "pods")!, "pod"),
            "Secret" => (BuiltInResources.Find("", "v1", "secrets")!, "secret"),
            "Node" => (BuiltInResources.Find("", "v1", "nodes")!, "node"),
            var other => throw new ApiErrorException(ApiErrors.BadRequest($"cannot bind token for serviceaccount \"{request.Name}\" to object of kind {other}")),
        };
        var name = reference.Str("name");
        var obj = objects.Get(resource, resource.Namespaced ? request.Namespace : "", name) ?? throw new ApiErrorException(ApiErrors.NotFound(resource, name));
        var uid = obj.Obj("metadata").Str("uid");
        if (reference.Str("uid") is { Length: > 0 } wanted && wanted != uid)
        {
            throw new ApiErrorException(ApiErrors.Conflict(resource, name, $"the UID in the bound object reference ({wanted}) does not match the UID in record. The object might have been deleted and then recreated"));
        }

        if (kind == "pod" && obj.Obj("spec").Str("serviceAccountName") != request.Name)
        {
            throw new ApiErrorException(ApiErrors.BadRequest($"cannot bind token for serviceaccount \"{request.Name}\" to pod running with different serviceaccount name."));
        }

        return asNode && (kind != "pod" || obj.Obj("spec").Str("nodeName") != user.Name[NodePrefix.Length..])
            ? throw Refused(request, "node requested token bound to a pod scheduled on a different node")
            : (kind, name, uid);
    }

    private static ApiErrorException Refused(RequestInfo request, string why) =>
        new(ApiErrors.Forbidden(BuiltInResources.Find("", "v1", "serviceaccounts")!, request.Name, why));
}
