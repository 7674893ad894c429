using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Authentication;

namespace Kaji.ApiServer.Registry;

/// <summary>
/// The generic registry as the server's own parts see it (endpoints, admission, bootstrap): objects as JSON, with defaulting, admission, validation and compare-and-swap.
/// Refusals are ApiErrorException.
/// </summary>
public interface IObjectRegistry
{
    /// <summary>The resource served under these names, or null.</summary>
    ResourceInfo? Find(string group, string version, string plural);

    /// <summary>The resource of a kind, or null.</summary>
    ResourceInfo? FindKind(string group, string version, string kind) => BuiltInResources.All.FirstOrDefault(r => r.Group == group && r.Version == version && r.Kind == kind);

    /// <summary>All served versions of a resource's kind, itself among them.</summary>
    IReadOnlyList<ResourceInfo> VersionsOf(ResourceInfo resource) => [resource];

    /// <summary>An object of one version or view as another of the same kind has it; may change the one given.</summary>
    JsonObject Convert(ResourceInfo from, ResourceInfo to, JsonObject obj) =>
        ReferenceEquals(from, to) ? obj : StorageVersions.FromStorage(to, StorageVersions.ToStorage(from, obj));

    /// <summary>The object, or null; a parsed copy the caller may change.</summary>
    JsonObject? Get(ResourceInfo resource, string ns, string name);

    /// <summary>All objects of a resource (in a namespace).</summary>
    IReadOnlyList<JsonObject> List(ResourceInfo resource, string ns = "");

    /// <summary>Creates; returns the stored object.</summary>
    Task<JsonObject> CreateAsync(ResourceInfo resource, string ns, JsonObject obj, UserInfo user, CancellationToken cancellationToken = default);

    /// <summary>
    /// Reads, lets <paramref name="change"/> alter the object in place (return false to leave it alone), writes with compare-and-swap, again on a conflict. The object must exist.
    /// </summary>
    /// <param name="subresource">Empty, <c>status</c>, or another (then the change is stored as it is, after validation).</param>
    Task<JsonObject> UpdateAsync(ResourceInfo resource, string ns, string name, string subresource, Func<JsonObject, bool> change, UserInfo user, CancellationToken cancellationToken = default);

    /// <summary>Deletes with the body of a DeleteOptions (null for none).</summary>
    Task<JsonObject> DeleteAsync(ResourceInfo resource, string ns, string name, JsonObject? options, UserInfo user, CancellationToken cancellationToken = default);
}
