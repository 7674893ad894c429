using Kaji.Cel.Values;

namespace Kaji.Cel;

/// <summary>
/// What expressions of mutating policies need: types <c>Object</c>, <c>Object.spec</c>, <c>Object.metadata.labels</c>… that take any field, and <c>JSONPatch</c>
/// (which every Kubernetes environment has). An apply configuration is <c>Object{spec: Object.spec{replicas: 1}}</c>: each type is named after its place.
/// </summary>
public static class CelMutation
{
    public const string Root = "Object";

    /// <summary>The result of an apply configuration's expression.</summary>
    public static CelType ObjectType { get; } = CelType.OpenObject(Root);

    /// <summary>The result of a JSON patch's expression.</summary>
    public static CelType PatchListType { get; } = CelType.List(Functions.JsonPatchFunctions.Patch);

    /// <summary>With the types of apply configurations.</summary>
    public static CelEnvironment WithMutation(this CelEnvironment environment) =>
        environment.WithTypeResolver(name => name == Root ? ObjectType : name.StartsWith(Root + ".", StringComparison.Ordinal) ? CelType.OpenObject(name) : null);

    /// <summary>Null when every constructed object has the type of its place; else what is wrong.</summary>
    public static string? CheckTypeNames(object? value) => Check(value, Root);

    private static string? Check(object? value, string path)
    {
        switch (value)
        {
            case CelConstructed made:
                if (made.CelType.Name != path)
                {
                    return $"unexpected type name \"{made.CelType.Name}\", expected \"{path}\", which matches field name path from root Object type";
                }

                return made.FieldNames.Select(name => made.TryGetByName(name, out var field) ? Check(field, $"{path}.{(Json.CelEscaping.TryEscape(name, out var escaped) ? escaped : name)}") : null).FirstOrDefault(wrong => wrong is not null);
            case CelArray list:
                return list.Select(item => Check(item, path)).FirstOrDefault(wrong => wrong is not null);
            default:
                return null;
        }
    }
}
