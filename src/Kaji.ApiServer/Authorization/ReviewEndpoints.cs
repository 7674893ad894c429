using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Registry;
using Kaji.ApiServer.Requests;
using Kaji.ApiServer.Responses;
using Microsoft.AspNetCore.Http;

namespace Kaji.ApiServer.Authorization;

/// <summary>
/// The reviews: objects that are answered and not stored (<c>kubectl auth can-i</c>, <c>auth whoami</c>, TokenReview).
/// https://kubernetes.io/docs/reference/access-authn-authz/authorization/
/// </summary>
public static class ReviewEndpoints
{
    private const long BodyLimit = 1024 * 1024;
    private const string AuthorizationGroup = "authorization.k8s.io";
    private const string AuthenticationGroup = "authentication.k8s.io";

    public static IReadOnlyList<IEndpoint> All(IAuthorizer authorizer, RbacAuthorizer rbac, ITokenAuthenticator tokens) =>
    [
        new Review(AuthorizationGroup, "selfsubjectaccessreviews", (review, _, user) => Access(authorizer, review, user, "")),
        new Review(AuthorizationGroup, "subjectaccessreviews", (review, _, _) => Access(authorizer, review, Subject(review), "")),
        new Review(AuthorizationGroup, "localsubjectaccessreviews", (review, request, _) => Access(authorizer, review, Subject(review), request.Namespace)),
        new Review(AuthorizationGroup, "selfsubjectrulesreviews", (review, _, user) => Rules(rbac, review, user)),
        new Review(AuthenticationGroup, "selfsubjectreviews", (review, _, user) => review["status"] = new JsonObject { ["userInfo"] = User(user) }),
        new Review(AuthenticationGroup, "tokenreviews", (review, cancellationToken) => TokenAsync(tokens, review, cancellationToken)),
    ];

    private static void Access(IAuthorizer authorizer, JsonObject review, UserInfo user, string ns)
    {
        var spec = review.Obj("spec") ?? [];
        var errors = new List<FieldError>();
        if (spec.Obj("resourceAttributes") is { } asked)
        {
            if (spec.Obj("nonResourceAttributes") is not null)
            {
                errors.Invalid("spec.nonResourceAttributes", null, "cannot be specified in combination with resourceAttributes");
            }

            AttributeSelectors.Validate(asked, errors);
            if (ns.Length > 0 && asked.Str("namespace") != ns)
            {
                throw new ApiErrorException(ApiErrors.BadRequest($"spec.resourceAttributes.namespace must match namespace: {ns}"));
            }
        }
        else if (spec.Obj("nonResourceAttributes") is null)
        {
            errors.Invalid("spec.resourceAttributes", null, "exactly one of nonResourceAttributes or resourceAttributes must be specified");
        }
        else if (ns.Length > 0)
        {
            errors.Invalid("spec.nonResourceAttributes", null, "disallowed on this kind of request");
        }

        if (errors.Count > 0)
        {
            throw new ApiErrorException(ApiErrors.Invalid(AuthorizationGroup, review.Str("kind"), "", errors));
        }

        var request = spec.Obj("resourceAttributes") is { } r
            ? new RequestInfo
            {
                IsResourceRequest = true, Path = "", Verb = r.Str("verb"), Group = r.Str("group"), Version = r.Str("version"), Resource = r.Str("resource"),
                Subresource = r.Str("subresource"), Name = r.Str("name"), Namespace = r.Str("namespace"),
            }
            : new RequestInfo { Path = spec.Obj("nonResourceAttributes").Str("path"), Verb = spec.Obj("nonResourceAttributes").Str("verb") };
        var decision = authorizer.Authorize(user, request);
        var status = new JsonObject { ["allowed"] = decision.Allowed };
        if (decision.Reason.Length > 0)
        {
            status["reason"] = decision.Reason;
        }

        review["status"] = status;
    }

    private static void Rules(RbacAuthorizer rbac, JsonObject review, UserInfo user)
    {
        var (resources, paths) = (new JsonArray(), new JsonArray());
        IEnumerable<PolicyRule> rules = user.Groups.Contains("system:masters", StringComparer.Ordinal)
            ? [new PolicyRule(["*"], ["*"], ["*"], [], []), new PolicyRule(["*"], [], [], [], ["*"])]
            : rbac.Grants(user, review.Obj("spec").Str("namespace")).SelectMany(g => g.Rules);
        foreach (var rule in rules)
        {
            (rule.NonResourceUrls.Count > 0 ? paths : resources).Add((JsonNode)rule.ToJson());
        }

        review["status"] = new JsonObject { ["resourceRules"] = resources, ["nonResourceRules"] = paths, ["incomplete"] = false };
    }

    private static async Task TokenAsync(ITokenAuthenticator tokens, JsonObject review, CancellationToken cancellationToken)
    {
        var token = review.Obj("spec").Str("token");
        if (token.Length == 0)
        {
            throw new ApiErrorException(ApiErrors.BadRequest("token is required for TokenReview in authentication"));
        }

        var audiences = review.Obj("spec")?["audiences"] is JsonArray list ? list.Select(a => a.Text()).ToArray() : [];
        review["status"] = await tokens.AuthenticateAsync(token, audiences, cancellationToken) is { } identity
            ? new JsonObject { ["authenticated"] = true, ["user"] = User(identity.User), ["audiences"] = new JsonArray([.. identity.Audiences.Select(a => (JsonNode)a)]) }
            : new JsonObject { ["user"] = new JsonObject(), ["error"] = "invalid bearer token" };
    }

    private static UserInfo Subject(JsonObject review)
    {
        var spec = review.Obj("spec");
        var groups = spec?["groups"] is JsonArray list ? list.Select(g => g.Text()).ToArray() : [];
        return spec.Str("user").Length == 0 && groups.Length == 0
            ? throw new ApiErrorException(ApiErrors.Invalid(AuthorizationGroup, review.Str("kind"), "", [new FieldError("FieldValueInvalid", "spec.user", "Invalid value: \"\": at least one of user or group must be specified")]))
            : new UserInfo(spec.Str("user"), groups)
            {
                Uid = spec.Str("uid"),
                Extra = (spec.Obj("extra") ?? []).ToDictionary(e => e.Key.ToLowerInvariant(), e => (IReadOnlyList<string>)(e.Value is JsonArray values ? [.. values.Select(v => v.Text())] : []), StringComparer.Ordinal),
            };
    }

    private static JsonObject User(UserInfo user)
    {
        var obj = new JsonObject { ["username"] = user.Name, ["groups"] = new JsonArray([.. user.Groups.Select(g => (JsonNode)g)]) };
        if (user.Uid.Length > 0)
        {
            obj["uid"] = user.Uid;
        }

        if (user.Extra.Count > 0)
        {
            obj["extra"] = new JsonObject(user.Extra.Select(e => KeyValuePair.Create(e.Key, (JsonNode?)new JsonArray([.. e.Value.Select(v => (JsonNode)v)]))));
        }

        return obj;
    }

    private sealed class Review(string group, string resource, Func<JsonObject, RequestInfo, UserInfo, CancellationToken, Task> answer) : IEndpoint
    {
        public Review(string group, string resource, Action<JsonObject, RequestInfo, UserInfo> answer)
            : this(group, resource, (review, request, user, _) =>
            {
                answer(review, request, user);
                return Task.CompletedTask;
            })
        {
        }

        public Review(string group, string resource, Func<JsonObject, CancellationToken, Task> answer)
            : this(group, resource, (review, _, _, cancellationToken) => answer(review, cancellationToken))
        {
        }

        public string Group => group;

        public string Resource => resource;

        public string Subresource => "";

        public async Task HandleAsync(HttpContext context, RequestInfo request, UserInfo user)
        {
            if (request.Verb != "create")
            {
                throw new ApiErrorException(ApiErrors.MethodNotAllowed());
            }

            if (Representation.Of(context.Request).Form != Form.Object)
            {
                // A review has no metadata to make a Table of.
                throw new ApiErrorException(ApiErrors.NotAcceptable("application/json"));
            }

            var review = await BodyReader.ReadObjectAsync(context, BodyLimit) ?? throw new ApiErrorException(ApiErrors.BadRequest("the body of the request is empty"));
            review.Ensure("metadata")["creationTimestamp"] = null;
            await answer(review, request, user, context.RequestAborted);
            await context.WriteNodeAsync(201, review);
        }
    }
}
