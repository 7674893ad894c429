using System.Globalization;
using System.Reflection;
using System.Text;

namespace Kaji.Conformance;

/// <summary>
/// <c>docs/conformance.md</c> is made of all rows (<c>rows.txt</c>: what each needs, and its name), the tests that name them, and the reasons of those that are about the API and have
/// none (<c>reasons.txt</c>). Rows that need a node (N), controllers (C) or several machines (M) are listed once they are proven.
/// With KAJI_WRITE_DOCS=1 the test writes it; otherwise it must be as it would be written.
/// </summary>
public sealed class TableTests
{
    [Fact]
    public void Document_SaysWhichTestProvesEachRow()
    {
        var tests = Proofs();
        var all = Lines("rows.txt").Select(l => l.Split('\t')).ToArray();
        var rows = all.Where(r => r[0] is not ("N" or "C" or "M") || tests.ContainsKey(r[1])).Select(r => r[1]).ToArray();
        var reasons = Lines("reasons.txt").Select(l => l.Split('\t')).ToDictionary(l => l[0], l => l[1], StringComparer.Ordinal);
        Assert.Empty(tests.Keys.Except(all.Select(r => r[1]), StringComparer.Ordinal));
        Assert.Empty(reasons.Keys.Except(rows, StringComparer.Ordinal));
        Assert.Empty(reasons.Keys.Intersect(tests.Keys, StringComparer.Ordinal));
        Assert.Empty(rows.Where(r => !tests.ContainsKey(r) && !reasons.ContainsKey(r)));

        var text = new StringBuilder();
        var share = 100.0 * rows.Count(tests.ContainsKey) / rows.Length;
        text.Append(CultureInfo.InvariantCulture, $"# Conformance\n\nRows of the Kubernetes conformance suite that are about the API, each with the test in `tests/Kaji.Conformance` that proves it against a running cluster.\n");
        text.Append(CultureInfo.InvariantCulture, $"{rows.Count(tests.ContainsKey)} of {rows.Length} rows ({share:0.0} %) are proven.\n\n| Row | Test, or why there is none |\n| --- | --- |\n");
        foreach (var row in rows)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {row.Replace("|", "\\|", StringComparison.Ordinal)} | {(tests.TryGetValue(row, out var proof) ? $"`{string.Join("`, `", proof)}`" : reasons[row])} |\n");
        }

        var path = Path.Combine(ConformanceCluster.Home, "docs", "conformance.md");
        if (Environment.GetEnvironmentVariable("KAJI_WRITE_DOCS") == "1")
        {
            File.WriteAllText(path, text.ToString());
        }

        Assert.Equal(text.ToString(), File.ReadAllText(path));
    }

    private static Dictionary<string, List<string>> Proofs()
    {
        var proofs = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        foreach (var method in typeof(TableTests).Assembly.GetTypes().SelectMany(t => t.GetMethods()).OrderBy(m => m.DeclaringType!.Name + m.Name, StringComparer.Ordinal))
        {
            foreach (var row in method.GetCustomAttributes<ConformanceRowAttribute>())
            {
                (proofs.TryGetValue(row.Codename, out var known) ? known : proofs[row.Codename] = []).Add($"{method.DeclaringType!.Name}.{method.Name}");
            }
        }

        return proofs;
    }

    private static string[] Lines(string resource)
    {
        using var reader = new StreamReader(typeof(TableTests).Assembly.GetManifestResourceStream(resource)!);
        return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
