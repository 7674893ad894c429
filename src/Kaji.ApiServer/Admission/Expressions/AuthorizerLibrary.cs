using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Authorization;
using Kaji.ApiServer.Requests;
using Kaji.Cel;
using Kaji.Cel.Costs;
using Kaji.Cel.Values;

namespace Kaji.ApiServer.Admission.Expressions;

/// <summary>
/// <c>authorizer.group('apps').resource('deployments').namespace('x').check('create').allowed()</c>: what the user of the request, or a service account, may do.
/// https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-authorizer-library
/// </summary>
internal static class AuthorizerLibrary
{
    private const ulong CheckCost = 350_000;
    private static readonly CelType Path = CelType.Named("kubernetes.authorization.PathCheck");
    private static readonly CelType Group = CelType.Named("kubernetes.authorization.GroupCheck");
    private static readonly CelType Decision = CelType.Named("kubernetes.authorization.Decision");

    public static CelType Type { get; } = CelType.Named("kubernetes.authorization.Authorizer");

    public static CelType ResourceCheck { get; } = CelType.Named("kubernetes.authorization.ResourceCheck");

    public static CelLibrary Library { get; } = new(
        "authorizer",
        [
            Member("path", "authorizer_path", Type, Path, a => ((string)a[1]!).Length == 0 ? new CelError("path must not be empty") : ((Check)a[0]!).As(Path, r => new RequestInfo { Path = (string)a[1]!, Verb = r.Verb })),
            Member("group", "authorizer_group", Type, Group, a => ((Check)a[0]!).As(Group, r => r with { IsResourceRequest = true, Group = (string)a[1]! })),
            new("serviceAccount", "authorizer_serviceaccount", true, [Type, CelType.String, CelType.String], Type, a => ((Check)a[0]!).For((string)a[1]!, (string)a[2]!)),
            Member("resource", "groupcheck_resource", Group, ResourceCheck, a => ((Check)a[0]!).As(ResourceCheck, r => r with { Resource = (string)a[1]! })),
            Member("subresource", "resourcecheck_subresource", ResourceCheck, ResourceCheck, a => ((Check)a[0]!).As(ResourceCheck, r => r with { Subresource = (string)a[1]! })),
            Member("namespace", "resourcecheck_namespace", ResourceCheck, ResourceCheck, a => ((Check)a[0]!).As(ResourceCheck, r => r with { Namespace = (string)a[1]! })),
            Member("name", "resourcecheck_name", ResourceCheck, ResourceCheck, a => ((Check)a[0]!).As(ResourceCheck, r => r with { Name = (string)a[1]! })),
            Member("fieldSelector", "authorizer_fieldselector", ResourceCheck, ResourceCheck, a => a[0]),
            Member("labelSelector", "authorizer_labelselector", ResourceCheck, ResourceCheck, a => a[0]),
            Member("check", "pathcheck_check", Path, Decision, a => ((Check)a[0]!).Decide((string)a[1]!)) with { Cost = CelCallCost.Fixed(CheckCost) },
            Member("check", "resourcecheck_check", ResourceCheck, Decision, a => ((Check)a[0]!).Decide((string)a[1]!)) with { Cost = CelCallCost.Fixed(CheckCost) },
            Of("allowed", "decision_allowed", CelType.Bool, d => d.Allowed),
            Of("reason", "decision_reason", CelType.String, d => d.Reason),
            Of("errored", "decision_errored", CelType.Bool, _ => false),
            Of("error", "decision_error", CelType.String, _ => ""),
        ])
    {
        Types = [Type, Path, Group, ResourceCheck, Decision],
    };

    /// <summary>The value of <c>authorizer</c>.</summary>
    public static object Authorizer(IAuthorizer authorizer, UserInfo user) => new Check(Type, authorizer, user, new RequestInfo { Path = "", Verb = "" });

    /// <summary>The value of <c>authorizer.requestResource</c>.</summary>
    public static object RequestResource(IAuthorizer authorizer, AdmissionRequest request) => new Check(ResourceCheck, authorizer, request.User, new RequestInfo
    {
        IsResourceRequest = true, Path = "", Verb = "", Group = request.Requested.Group, Version = request.Requested.Version, Resource = request.Requested.Plural, Subresource = request.Subresource,
        Namespace = request.Namespace, Name = request.Name,
    });

    private static CelOverload Member(string function, string id, CelType target, CelType result, CelFunction body) => new(function, id, true, [target, CelType.String], result, body);

    private static CelOverload Of(string function, string id, CelType result, Func<Answer, object> body) => new(function, id, true, [Decision], result, a => body((Answer)a[0]!));

    private sealed class Check(CelType type, IAuthorizer authorizer, UserInfo user, RequestInfo request) : ICelOpaque
    {
        public CelType CelType => type;

        public Check As(CelType next, Func<RequestInfo, RequestInfo> change) => new(next, authorizer, user, change(request));

        public Check For(string ns, string name) =>
            new(type, authorizer, new UserInfo($"system:serviceaccount:{ns}:{name}", ["system:serviceaccounts", $"system:serviceaccounts:{ns}", "system:authenticated"]), request);

        public Answer Decide(string verb)
        {
            var decision = authorizer.Authorize(user, request with { Verb = verb });
            return new Answer(decision.Allowed, decision.Reason);
        }

        public bool CelEquals(object? other) => ReferenceEquals(this, other);
    }

    private sealed class Answer(bool allowed, string reason) : ICelOpaque
    {
        public CelType CelType => Decision;

        public bool Allowed => allowed;

        public string Reason => reason;

        public bool CelEquals(object? other) => other is Answer answer && answer.Allowed == allowed && answer.Reason == reason;
    }
}
