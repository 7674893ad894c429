using YamlDotNet.RepresentationModel;

namespace Kaji.Kubeconfigs;

/// <summary>
/// Puts a cluster's entry into the user's own kubeconfig, replacing only entries of the same name and leaving everything else,
/// and takes it out again. The file is kubectl's: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
/// </summary>
internal static class KubeconfigMerger
{
    private static readonly string[] Lists = ["clusters", "users", "contexts"];

    /// <summary><c>$KUBECONFIG</c>'s first file, or <c>~/.kube/config</c>.</summary>
    public static string UserFile =>
        Environment.GetEnvironmentVariable("KUBECONFIG") is { Length: > 0 } list
            ? list.Split(':')[0]
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".kube", "config");

    /// <summary>Adds all entries of <paramref name="source"/> and makes its context the current one.</summary>
    public static void Merge(string source, string target)
    {
        var from = Load(source) ?? throw new UserError($"{source} is empty.");
        var into = Load(target) ?? new YamlMappingNode { { "apiVersion", "v1" }, { "kind", "Config" } };
        foreach (var list in Lists)
        {
            var entries = Sequence(into, list);
            foreach (var entry in Sequence(from, list).Children)
            {
                Drop(entries, Name(entry));
                entries.Add(entry);
            }
        }

        into.Children["current-context"] = from.Children["current-context"];
        Save(into, target);
    }

    /// <summary>Removes the entries called <paramref name="name"/>; leaves the file alone when there are none.</summary>
    public static void Remove(string name, string target)
    {
        if (!File.Exists(target) || Load(target) is not { } config)
        {
            return;
        }

        var found = false;
        foreach (var list in Lists)
        {
            found |= Drop(Sequence(config, list), name);
        }

        if (config.Children.TryGetValue("current-context", out var current) && current is YamlScalarNode { Value: var value } && value == name)
        {
            config.Children["current-context"] = new YamlScalarNode("");
            found = true;
        }

        if (found)
        {
            Save(config, target);
        }
    }

    private static YamlMappingNode? Load(string file)
    {
        if (!File.Exists(file))
        {
            return null;
        }

        try
        {
            using var reader = new StreamReader(file);
            var yaml = new YamlStream();
            yaml.Load(reader);
            return yaml.Documents.Count == 0 ? null : yaml.Documents[0].RootNode as YamlMappingNode;
        }
        catch (YamlDotNet.Core.YamlException e)
        {
            throw new UserError($"{file} line {e.Start.Line}: not valid YAML: {e.Message}. Mend it, or run with --no-merge.");
        }
    }

    private static YamlSequenceNode Sequence(YamlMappingNode config, string name)
    {
        if (config.Children.TryGetValue(name, out var node) && node is YamlSequenceNode sequence)
        {
            return sequence;
        }

        sequence = [];
        config.Children[name] = sequence;
        return sequence;
    }

    private static string? Name(YamlNode entry) =>
        entry is YamlMappingNode map && map.Children.TryGetValue("name", out var name) ? (name as YamlScalarNode)?.Value : null;

    private static bool Drop(YamlSequenceNode entries, string? name)
    {
        var old = entries.Children.Where(e => Name(e) == name).ToArray();
        foreach (var entry in old)
        {
            entries.Children.Remove(entry);
        }

        return old.Length > 0;
    }

    private static void Save(YamlMappingNode config, string file)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
        var next = file + ".kaji-new";
        using (var stream = new FileStream(next, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
        using (var writer = new StreamWriter(stream))
        {
            new YamlStream(new YamlDocument(config)).Save(writer, assignAnchors: false);
        }

        File.Move(next, file, overwrite: true);
    }
}
