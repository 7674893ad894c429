using Kaji.Api.Kinds;
using Kaji.ApiServer.Registry;

namespace Kaji.ApiServer.Admission.Matching;

/// <summary>Other names under which the same objects are served: versions of the group, and events in two groups.</summary>
internal static class EquivalentResources
{
    private static readonly ILookup<string, ResourceInfo> BuiltIn = BuiltInResources.All.ToLookup(KeyOf, StringComparer.Ordinal);

    public static IEnumerable<ResourceInfo> Of(ResourceInfo resource, IObjectRegistry objects)
    {
        var built = BuiltIn[KeyOf(resource)].Where(other => other.ApiVersion != resource.ApiVersion);
        return BuiltInResources.Find(resource.Group, resource.Version, resource.Plural) is null ? objects.VersionsOf(resource).Where(other => other.Version != resource.Version) : built;
    }

    private static string KeyOf(ResourceInfo resource) => resource is { Group: "" or "events.k8s.io", Plural: "events" } ? "events" : resource.GroupResource;
}
