namespace Kaji.Api.Kinds;

/// <summary>Every resource that a Kubernetes 1.36 API server serves by default, in discovery's order (read from <c>resources.txt</c>).</summary>
public static class BuiltInResources
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<ResourceInfo> All { get; } = Load();

    /// <summary>The groups and their versions, in discovery's order; the first version is the preferred one. Core is the empty group.</summary>
    public static IReadOnlyList<(string Group, IReadOnlyList<string> Versions)> Groups { get; } =
        [.. All.GroupBy(r => r.Group, StringComparer.Ordinal).Select(g => (g.Key, (IReadOnlyList<string>)[.. g.Select(r => r.Version).Distinct(StringComparer.Ordinal)]))];

    private static readonly Dictionary<(string, string, string), ResourceInfo> ByName = All.ToDictionary(r => (r.Group, r.Version, r.Plural));

    /// <summary>The resource of these names, or null.</summary>
    public static ResourceInfo? Find(string group, string version, string plural) => ByName.GetValueOrDefault((group, version, plural));

    private static List<ResourceInfo> Load()
    {
        var all = new List<ResourceInfo>();
        foreach (var line in EmbeddedFacts.Lines("resources.txt"))
        {
            var w = line.Split(' ');
            if (w[0][0] == '/')
            {
                var parent = all[^1];
                all[^1] = parent with { Subresources = [.. parent.Subresources, new SubresourceInfo(w[0][1..], w[1], Verbs(w[2]), w.Length > 3 ? w[3] : null)] };
                continue;
            }

            all.Add(new ResourceInfo(w[0] == "-" ? "" : w[0], w[1], w[2], w[3], w[4], w[5] == "n") { ShortNames = List(w[6]), Categories = List(w[7]), Verbs = Verbs(w[8]) });
        }

        return all;
    }

    private static string[] List(string text) => text == "-" ? [] : text.Split(',');

    private static string[] Verbs(string letters) =>
    [
        .. letters.Select(letter => letter switch
        {
            'c' => "create",
            'd' => "delete",
            'D' => "deletecollection",
            'g' => "get",
            'l' => "list",
            'p' => "patch",
            'u' => "update",
            'w' => "watch",
            _ => throw new InvalidOperationException($"resources.txt: verb {letter}"),
        }),
    ];
}
