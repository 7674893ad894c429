namespace Kaji.Api;

/// <summary>The tables of Kubernetes' facts that this assembly carries as text.</summary>
internal static class EmbeddedFacts
{
    /// <summary>The lines of a table, without comments.</summary>
    public static IEnumerable<string> Lines(string name)
    {
        using var stream = typeof(EmbeddedFacts).Assembly.GetManifestResourceStream(name) ?? throw new InvalidOperationException($"{name} is not embedded.");
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            if (line.Length > 0 && line[0] != '#')
            {
                yield return line;
            }
        }
    }
}
