using System.Xml.Linq;

namespace Kaji.Tidy;

/// <summary>Which room may use which: the table of docs/ARCHITECTURE.md. A new arrow is a decision, made here.</summary>
public sealed class ArrowsTests
{
    private static readonly Dictionary<string, string[]> Allowed = new(StringComparer.Ordinal)
    {
        ["Kaji.Api"] = [],
        ["Kaji.Store"] = [],
        ["Kaji.Cel"] = [],
        ["Kaji.Linux"] = [],
        ["Kaji.Client"] = [],
        ["Kaji.ApiServer"] = ["Kaji.Api", "Kaji.Cel", "Kaji.Store"],
        ["Kaji.Controllers"] = ["Kaji.Api", "Kaji.Client"],
        ["Kaji.Scheduler"] = ["Kaji.Client"],
        ["Kaji.Engine"] = ["Kaji.Linux"],
        ["Kaji.Node"] = ["Kaji.Client", "Kaji.Engine"],
        ["Kaji.Network"] = ["Kaji.Client", "Kaji.Linux"],
        ["Kaji.Bots"] = ["Kaji.Client"],
        ["Kaji.Console"] = ["Kaji.Client"],
    };

    [Fact]
    public void Projects_ReferenceOnlyWhatTheyMay()
    {
        var wrong = new List<string>();
        foreach (var project in Repository.Files("*.csproj", "src"))
        {
            var name = Path.GetFileNameWithoutExtension(project);
            if (name == "Kaji")
            {
                continue;
            }

            Assert.True(Allowed.ContainsKey(name), $"{name} is a new room: say here what it may use.");
            var uses = XDocument.Load(project).Descendants("ProjectReference").Select(r => Path.GetFileNameWithoutExtension(r.Attribute("Include")!.Value));
            wrong.AddRange(uses.Except(Allowed[name], StringComparer.Ordinal).Select(used => $"{name} -> {used}"));
        }

        Assert.Empty(wrong);
    }

    [Fact]
    public void Rooms_AreAllInTheSolution()
    {
        var solution = File.ReadAllText(Path.Combine(Repository.Root, "Kaji.slnx"));
        Assert.DoesNotContain(Repository.Files("*.csproj", "src", "tests"), project => !solution.Contains(Repository.Relative(project), StringComparison.Ordinal));
    }
}
