using Kaji.Cel;

namespace Kaji.ApiServer.Admission.Expressions;

/// <summary>The variables of admission's expressions: <c>object</c>, <c>oldObject</c>, <c>request</c>, <c>namespaceObject</c>, <c>authorizer</c>, <c>params</c>, <c>variables</c>.</summary>
internal static class AdmissionEnvironment
{
    private static readonly CelType Texts = CelType.Map(CelType.String, CelType.String);

    public static CelType Namespace { get; } = Struct(
        "kubernetes.Namespace",
        ("metadata", Struct(
            "kubernetes.NamespaceMetadata", ("name", CelType.String), ("generateName", CelType.String), ("namespace", CelType.String), ("labels", Texts), ("annotations", Texts), ("UID", CelType.String),
            ("creationTimestamp", CelType.Timestamp), ("deletionGracePeriodSeconds", CelType.Int), ("deletionTimestamp", CelType.Timestamp), ("generation", CelType.Int), ("resourceVersion", CelType.String),
            ("finalizers", CelType.List(CelType.String)))),
        ("spec", Struct("kubernetes.NamespaceSpec", ("finalizers", CelType.List(CelType.String)))),
        ("status", Struct("kubernetes.NamespaceStatus", ("phase", CelType.String))));

    public static CelType Request { get; } = MakeRequest();

    /// <summary>Of webhooks' match conditions.</summary>
    public static CelEnvironment OfWebhooks { get; } = Make(hasParams: false);

    /// <summary>Of policies without, and with, parameters.</summary>
    public static CelEnvironment OfPolicies { get; } = Make(hasParams: false);

    public static CelEnvironment WithParams { get; } = Make(hasParams: true);

    /// <summary>The environment's <c>variables</c>, of the types that their expressions turned out to have.</summary>
    public static CelEnvironment WithSharedVariables(this CelEnvironment environment, IReadOnlyDictionary<string, CelType> variables) =>
        environment.WithVariable("variables", CelType.Object("kubernetes.variables", variables));

    private static CelEnvironment Make(bool hasParams)
    {
        var environment = CelEnvironment.Kubernetes.WithLibraries(AuthorizerLibrary.Library).WithVariables(
        [
            new("object", CelType.Dyn), new("oldObject", CelType.Dyn), new("request", Request), new("namespaceObject", Namespace), new("authorizer", AuthorizerLibrary.Type),
            new("authorizer.requestResource", AuthorizerLibrary.ResourceCheck),
        ]);
        return hasParams ? environment.WithVariable("params", CelType.Dyn) : environment;
    }

    private static CelType MakeRequest()
    {
        var kind = Struct("kubernetes.GroupVersionKind", ("group", CelType.String), ("version", CelType.String), ("kind", CelType.String));
        var resource = Struct("kubernetes.GroupVersionResource", ("group", CelType.String), ("version", CelType.String), ("resource", CelType.String));
        var user = Struct("kubernetes.UserInfo", ("username", CelType.String), ("uid", CelType.String), ("groups", CelType.List(CelType.String)), ("extra", CelType.Map(CelType.String, CelType.List(CelType.String))));
        return Struct(
            "kubernetes.AdmissionRequest", ("kind", kind), ("resource", resource), ("subResource", CelType.String), ("requestKind", kind), ("requestResource", resource), ("requestSubResource", CelType.String),
            ("name", CelType.String), ("namespace", CelType.String), ("operation", CelType.String), ("userInfo", user), ("dryRun", CelType.Bool), ("options", CelType.Dyn));
    }

    private static CelType Struct(string name, params (string Name, CelType Type)[] fields) => CelType.Object(name, fields.ToDictionary(f => f.Name, f => f.Type, StringComparer.Ordinal));
}
