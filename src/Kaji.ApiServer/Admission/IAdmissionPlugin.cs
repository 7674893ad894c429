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
    ResourceInfo Resource, string Subresource, string Operation, string Namespace, string Name, JsonObject? Object, JsonObject? OldObject, UserInfo User, bool DryRun);
