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

    public static IReadOnlyList<IEndpoint> All(IAuthorizer authorizer, RbacAuthorizer rbac, ServiceAccountTokens tokens) =>
    [
        new Review(AuthorizationGroup, "selfsubjectaccessreviews", (review, _, user) => Access(authorizer, review, user)),
        new Review(AuthorizationGroup, "subjectaccessreviews", (review, _, _) => Access(authorizer, review, Subject(review))),
        new Review(AuthorizationGroup, "localsubjectaccessreviews", (review, _, _) => Access(authorizer, review, Subject(review))),
        new Review(AuthorizationGroup, "selfsubjectrulesreviews", (review, _, user) => Rules(rbac, review, user)),
        new Review(AuthenticationGroup, "selfsubjectreviews", (review, _, user) => review["status"] = new JsonObject { ["userInfo"] = User(user) }),
        new Review(AuthenticationGroup, "tokenreviews", (review, _, _) => Token(tokens, review)),
    ];

    private static void Access(IAuthorizer authorizer, JsonObject review, UserInfo user)
    {
        var spec = review.Obj("spec") ?? [];
        RequestInfo request;
        if (spec.Obj("resourceAttributes") is { } r)
        {
            request = new RequestInfo
            {
                IsResourceRequest = true, Path = "", Verb = r.Str("verb"), Group = r.Str("group"), Version = r.Str("version"), Resource = r.Str("resource"),
                Subresource = r.Str("subresource"), Name = r.Str("name"), Namespace = r.Str("namespace"),
            };
        }
        else if (spec.Obj("nonResourceAttributes") is { } path)
        {
            request = new RequestInfo { Path = path.Str("path"), Verb = path.Str("verb") };
        }
        else
        {
            throw new ApiErrorException(ApiErrors.Invalid(AuthorizationGroup, review.Str("kind"), "", [new FieldError("FieldValueInvalid", "spec.resourceAttributes", "Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified")]));
        }

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

    private static void Token(ServiceAccountTokens tokens, JsonObject review)
    {
        var audiences = review.Obj("spec")?["audiences"] is JsonArray list ? list.Select(a => a.Text()).ToArray() : [];
        var user = tokens.Verify(review.Obj("spec").Str("token"), audiences);
        review["status"] = user is null
            ? new JsonObject { ["authenticated"] = false, ["error"] = "invalid bearer token" }
            : new JsonObject { ["authenticated"] = true, ["user"] = User(user), ["audiences"] = new JsonArray([.. tokens.AudiencesOf(review.Obj("spec").Str("token")).Intersect(audiences.Length > 0 ? audiences : [ServiceAccountTokens.Issuer], StringComparer.Ordinal).Select(a => (JsonNode)a)]) };
    }

    private static UserInfo Subject(JsonObject review)
    {
        var spec = review.Obj("spec");
        var groups = spec?["groups"] is JsonArray list ? list.Select(g => g.Text()).ToArray() : [];
        return spec.Str("user").Length == 0 && groups.Length == 0
            ? throw new ApiErrorException(ApiErrors.Invalid(AuthorizationGroup, review.Str("kind"), "", [new FieldError("FieldValueInvalid", "spec.user", "Invalid value: \"\": at least one of user or group must be specified")]))
            : new UserInfo(spec.Str("user"), groups) { Uid = spec.Str("uid") };
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

    private sealed class Review(string group, string resource, Action<JsonObject, RequestInfo, UserInfo> answer) : IEndpoint
    {
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
            answer(review, request, user);
            await context.WriteNodeAsync(201, review);
        }
    }
}
