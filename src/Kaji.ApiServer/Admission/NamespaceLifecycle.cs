using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Registry;

namespace Kaji.ApiServer.Admission;

/// <summary>Nothing is created in a namespace that is not there or goes away; the namespaces the cluster needs stay.</summary>
public sealed class NamespaceLifecycle : IAdmissionPlugin
{
    private static readonly string[] Immortal = ["default", "kube-system", "kube-public"];
    private static readonly ResourceInfo Namespaces = BuiltInResources.Find("", "v1", "namespaces")!;

    /// <summary>Where namespaces are looked up; set when the registry is there.</summary>
    public IObjectRegistry? Objects { get; set; }

    public string Name => "NamespaceLifecycle";

    public ValueTask<ApiError?> MutateAsync(AdmissionRequest request, CancellationToken cancellationToken) => ValueTask.FromResult(Decide(request));

    private ApiError? Decide(AdmissionRequest request)
    {
        if (request is { Operation: "DELETE", Resource: { Group: "", Plural: "namespaces" } } && Immortal.Contains(request.Name, StringComparer.Ordinal))
        {
            return ApiErrors.Forbidden(Namespaces, request.Name, "this namespace may not be deleted");
        }

        if (request.Operation != "CREATE" || !request.Resource.Namespaced)
        {
            return null;
        }

        if (Objects?.Get(Namespaces, "", request.Namespace) is not { } ns)
        {
            return ApiErrors.NotFound(Namespaces, request.Namespace);
        }

        return ns.Obj("metadata")?["deletionTimestamp"] is null
            ? null
            : ApiErrors.Forbidden(request.Resource, request.Name, $"unable to create new content in namespace {request.Namespace} because it is being terminated") with
            {
                Causes = [new FieldError("NamespaceTerminating", "metadata.namespace", $"namespace {request.Namespace} is being terminated")],
            };
    }
}
