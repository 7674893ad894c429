using Kaji.Api.Kinds;

namespace Kaji.ApiServer.Registry;

/// <summary>
/// Where objects lie in the store: <c>/registry/GROUP/PLURAL/NAMESPACE/NAME</c>, without NAMESPACE for cluster-scoped kinds; the core group is <c>core</c>.
/// All versions of a group share the keys.
/// </summary>
public static class StorageKeys
{
    /// <summary>The key of an object.</summary>
    public static string Object(ResourceInfo resource, string ns, string name) =>
        resource.Namespaced ? $"{Collection(resource)}{ns}/{name}" : $"{Collection(resource)}{name}";

    /// <summary>The prefix of a resource's keys, in one namespace if given.</summary>
    public static string Collection(ResourceInfo resource, string ns = "") => Collection(resource.Group, resource.Plural, ns);

    /// <summary>As above, by names.</summary>
    public static string Collection(string group, string plural, string ns = "") =>
        ns.Length == 0 ? $"/registry/{(group.Length == 0 ? "core" : group)}/{plural}/" : $"/registry/{(group.Length == 0 ? "core" : group)}/{plural}/{ns}/";
}
