namespace Kaji.Cel.Functions;

/// <summary>Which libraries make the language, and which Kubernetes adds.</summary>
internal static class StandardLibraries
{
    public static IReadOnlyList<CelLibrary> Core { get; } =
    [
        new("operators", OperatorFunctions.All),
        new("conversions", ConversionFunctions.All),
        new("time", TimeFunctions.All),
        new("text", TextFunctions.Core),
    ];

    public static IReadOnlyList<CelLibrary> Kubernetes { get; } =
    [
        new("optional", OptionalFunctions.All),
        new("strings", TextFunctions.Extended),
        new("lists", ListFunctions.All),
        new("sets", SetFunctions.All),
        new("math", MathFunctions.All),
        new("regex", RegexFunctions.All),
        new("url", UrlFunctions.All) { Types = [UrlFunctions.Url] },
        new("quantity", QuantityFunctions.All) { Types = [QuantityFunctions.Quantity] },
        new("net", NetworkFunctions.All) { Types = [NetworkFunctions.Ip, NetworkFunctions.Cidr] },
        new("semver", SemverFunctions.All) { Types = [SemverFunctions.Semver] },
        new("format", FormatFunctions.All) { Types = [FormatFunctions.Format] },
        new("jsonpatch", JsonPatchFunctions.All) { Types = [JsonPatchFunctions.Patch] },
    ];
}
