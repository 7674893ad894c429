using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Admission.Matching;
using Kaji.ApiServer.Authorization;
using Kaji.ApiServer.Registry;
using Kaji.Cel;

namespace Kaji.ApiServer.Admission.Expressions;

/// <summary>The values of admission's variables for one request; each is made when an expression first reads it.</summary>
internal sealed class AdmissionBindings(AdmissionRequest request, AdmissionView view, JsonObject? parameters, IAuthorizer authorizer, IObjectRegistry objects) : ICelBindings
{
    private static readonly ResourceInfo Namespaces = BuiltInResources.Find("", "v1", "namespaces")!;
    private object? _request;
    private object? _namespace;
    private bool _namespaceRead;

    /// <summary>Of policies that have them.</summary>
    public object? Variables { get; set; }

    public bool TryGet(string name, out object? value)
    {
        value = name switch
        {
            "object" => CelJson.FromJson(view.Object),
            "oldObject" => CelJson.FromJson(view.OldObject),
            "request" => _request ??= CelJson.FromJson(view.ToRequest(), AdmissionEnvironment.Request),
            "params" => CelJson.FromJson(parameters),
            "namespaceObject" => NamespaceObject(),
            "authorizer" => AuthorizerLibrary.Authorizer(authorizer, request.User),
            "authorizer.requestResource" => AuthorizerLibrary.RequestResource(authorizer, request),
            "variables" => Variables,
            _ => null,
        };
        return name is "object" or "oldObject" or "params" or "namespaceObject" || value is not null;
    }

    private object? NamespaceObject()
    {
        if (!_namespaceRead)
        {
            _namespaceRead = true;
            var ns = request.Namespace.Length == 0 || request.Resource is { Group: "", Plural: "namespaces" } ? null : objects.Get(Namespaces, "", request.Namespace);
            _namespace = CelJson.FromJson(ns, AdmissionEnvironment.Namespace);
        }

        return _namespace;
    }
}
