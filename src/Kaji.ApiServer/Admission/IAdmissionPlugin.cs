using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Authentication;

namespace Kaji.ApiServer.Admission;

/// <summary>A step between authorization and the store that may change or refuse a write. All mutating steps run, in order, before all validating ones.</summary>
public interface IAdmissionPlugin
{
    /// <summary>Kubernetes' name of the plug-in, as <c>ServiceAccount</c>.</summary>
    string Name { get; }

    /// <summary>Whether it looks again at an object that webhooks or policies have changed after it.</summary>
    bool Reinvocable => false;

    /// <summary>Changes <see cref="AdmissionRequest.Object"/> in place, or refuses.</summary>
    ValueTask<ApiError?> MutateAsync(AdmissionRequest request, CancellationToken cancellationToken) => ValueTask.FromResult<ApiError?>(null);

    /// <summary>Refuses, or not.</summary>
    ValueTask<ApiError?> ValidateAsync(AdmissionRequest request, CancellationToken cancellationToken) => ValueTask.FromResult<ApiError?>(null);
}

/// <summary>What admission sees of a write.</summary>
/// <param name="Resource">The resource written.</param>
/// <param name="Subresource">Empty for the main resource.</param>
/// <param name="Operation">CREATE, UPDATE, DELETE or CONNECT.</param>
/// <param name="Namespace">Empty for cluster-scoped.</param>
/// <param name="Name">May be empty with generateName.</param>
/// <param name="Object">The object as it would be stored; null for a delete.</param>
/// <param name="OldObject">The stored object; null for a create. Not to be changed.</param>
/// <param name="User">Who asks.</param>
/// <param name="DryRun">Nothing may be written elsewhere.</param>
public sealed record AdmissionRequest(
    ResourceInfo Resource, string Subresource, string Operation, string Namespace, string Name, JsonObject? Object, JsonObject? OldObject, UserInfo User, bool DryRun)
{
    /// <summary>The resource as the client named it: another version, or another view, of <see cref="Resource"/>.</summary>
    public ResourceInfo Requested { get; init; } = Resource;

    /// <summary>CreateOptions, UpdateOptions, PatchOptions or DeleteOptions of the request; null for CONNECT.</summary>
    public JsonObject? Options { get; init; }

    /// <summary>Takes warnings for the client.</summary>
    public Action<string>? Warn { get; init; }

    /// <summary>Defaults (and prunes) <see cref="Object"/> again after a step has changed it.</summary>
    public Action<JsonObject>? Normalize { get; init; }

    /// <summary>What steps say to the audit log about this request, by key.</summary>
    public IDictionary<string, string> AuditAnnotations { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>What of webhooks and policies is to look again.</summary>
    internal Reinvocation Reinvocation { get; } = new();

    /// <summary>What takes back what steps have set aside, when the object is not stored after all.</summary>
    internal List<Func<Task>> Undo { get; } = [];

    /// <summary>Puts another object's fields in the place of <see cref="Object"/>'s.</summary>
    public void Replace(JsonObject by)
    {
        var obj = Object!;
        if (ReferenceEquals(obj, by))
        {
            return;
        }

        obj.Clear();
        foreach (var (name, value) in by.ToArray())
        {
            by.Remove(name);
            obj[name] = value;
        }
    }
}
