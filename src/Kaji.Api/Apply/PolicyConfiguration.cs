using System.Text.Json.Nodes;

namespace Kaji.Api.Apply;

/// <summary>Puts the apply configuration of a mutating policy over an object: as server-side apply merges, without ownership. https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/</summary>
public static class PolicyConfiguration
{
    /// <summary>The merged object; or what of the configuration is not allowed.</summary>
    public static (JsonObject? Object, string? Error) Merge(JsonObject live, JsonObject configuration, Atom atom)
    {
        var atomics = new List<string>();
        FindAtomics(configuration, atom, "", atomics);
        return atomics.Count > 0
            ? (null, $"invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: {string.Join(", ", atomics)}")
            : ((JsonObject)Merging.Merge(live, configuration, atom)!, null);
    }

    private static void FindAtomics(JsonNode? value, Atom atom, string path, List<string> found)
    {
        switch (value)
        {
            case JsonObject or JsonArray when atom.IsAtomic && atom.Shape is AtomShape.Map or AtomShape.List:
                found.Add(path);
                break;
            case JsonObject obj:
                foreach (var (name, below) in obj)
                {
                    FindAtomics(below, atom.Field(name)?.Type ?? atom.Element ?? Atom.Deduced, $"{path}.{name}", found);
                }

                break;
            case JsonArray list:
                foreach (var item in list)
                {
                    FindAtomics(item, atom.Element ?? Atom.Deduced, path, found);
                }

                break;
        }
    }
}
