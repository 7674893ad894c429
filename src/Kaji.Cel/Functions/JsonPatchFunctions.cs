using Kaji.Cel.Costs;
using static Kaji.Cel.CelType;
using static Kaji.Cel.Functions.Declare;

namespace Kaji.Cel.Functions;

/// <summary>What mutating policies use to write JSON patches: <c>JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('a/b'), value: 'x'}</c>.</summary>
internal static class JsonPatchFunctions
{
    /// <summary>One operation of a JSON patch (RFC 6902).</summary>
    public static CelType Patch { get; } = Object("JSONPatch", new Dictionary<string, CelType>(StringComparer.Ordinal) { ["op"] = Text, ["path"] = Text, ["from"] = Text, ["value"] = Dyn });

    public static IReadOnlyList<CelOverload> All { get; } =
    [
        Global("jsonpatch.escapeKey", "string_jsonpatch_escapeKey_string", [Text], Text, a => ((string)a[0]!).Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal), CallCosts.Walk()),
    ];
}
