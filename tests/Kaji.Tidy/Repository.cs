namespace Kaji.Tidy;

/// <summary>The checkout that these tests look at.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    /// <summary>Source files, without what builds leave behind.</summary>
    public static IEnumerable<string> Files(string pattern, params string[] under) =>
        under.Where(dir => Directory.Exists(Path.Combine(Root, dir))).SelectMany(dir => Directory.EnumerateFiles(Path.Combine(Root, dir), pattern, SearchOption.AllDirectories))
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal) && !file.Contains("/node_modules/", StringComparison.Ordinal));

    public static string Relative(string file) => Path.GetRelativePath(Root, file);

    private static string Find()
    {
        var at = new DirectoryInfo(AppContext.BaseDirectory);
        while (at is not null && !File.Exists(Path.Combine(at.FullName, "Kaji.slnx")))
        {
            at = at.Parent;
        }

        return at?.FullName ?? throw new InvalidOperationException("Kaji.slnx is not above the test.");
    }
}
