using System.Runtime.CompilerServices;
using Kaji.Api.Apply;
using Kaji.Api.Kinds;
using Kaji.Api.Schemas;

namespace Kaji.ApiServer.Registry;

/// <summary>What field management needs to know of a resource: its schema, and what its endpoints throw away.</summary>
internal static class ApplySchemas
{
    private static readonly ConditionalWeakTable<ResourceInfo, Atom> Made = [];

    public static Atom Of(ResourceInfo resource) => resource.Custom is { } custom ? custom.Atom : Made.GetValue(resource, static r => BuiltInAtoms.Of(BuiltInSchemas.NameOf(r.Group, r.Version, r.Kind)));

    public static FieldWrite WriteOf(ResourceInfo resource, string subresource, string manager, DateTimeOffset now) =>
        new(manager, resource.ApiVersion, subresource, now, Reset(resource, subresource));

    private static ResetFields Reset(ResourceInfo resource, string subresource)
    {
        if (subresource == "status")
        {
            return ResetFields.AllButStatus;
        }

        foreach (var known in resource.Subresources)
        {
            if (known.Name == "status")
            {
                return ResetFields.Status;
            }
        }

        return ResetFields.None;
    }
}
