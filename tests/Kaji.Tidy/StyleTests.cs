namespace Kaji.Tidy;

/// <summary>Style that a compiler does not check.</summary>
public sealed class StyleTests
{
    private const int MaxLines = 600;
    private static readonly string[] VagueFolders = ["Helpers", "Utils", "Common", "Misc"];

    [Fact]
    public void Files_StayBelowTheLimit_OrSayWhyAtTheirTop()
    {
        var large = Repository.Files("*.cs", "src", "tests", "examples")
            .Where(file => File.ReadLines(file).Count() > MaxLines && !File.ReadLines(file).Take(10).Any(line => line.Contains("Long because", StringComparison.Ordinal)))
            .Select(Repository.Relative);
        Assert.Empty(large);
    }

    [Fact]
    public void Folders_SayWhatTheyHold() =>
        Assert.Empty(Directory.EnumerateDirectories(Path.Combine(Repository.Root, "src"), "*", SearchOption.AllDirectories).Where(dir => VagueFolders.Contains(Path.GetFileName(dir), StringComparer.OrdinalIgnoreCase)));

    [Fact]
    public void Sources_HoldNoUnfinishedWork()
    {
        string[] marks = ["NotImplemented" + "Exception", "TO" + "DO", "FIX" + "ME"];
        var found = Repository.Files("*.cs", "src", "tests")
            .SelectMany(file => File.ReadLines(file).Select((line, index) => (file, line, index)))
            .Where(at => marks.Any(mark => at.line.Contains(mark, StringComparison.Ordinal)))
            .Select(at => $"{Repository.Relative(at.file)}:{at.index + 1}");
        Assert.Empty(found);
    }

    [Fact]
    public void Tests_WaitOnConditions_NotOnSleeps()
    {
        string[] sleeps = ["Thread.Sle" + "ep(", "Task.Del" + "ay("];
        var found = Repository.Files("*.cs", "tests")
            .SelectMany(file => File.ReadLines(file).Select((line, index) => (file, line, index)))
            .Where(at => sleeps.Any(mark => at.line.Contains(mark, StringComparison.Ordinal)) && !at.line.Contains("poll interval", StringComparison.Ordinal))
            .Select(at => $"{Repository.Relative(at.file)}:{at.index + 1}");
        Assert.Empty(found);
    }

    [Fact]
    public void Namespaces_AreFileScoped_AndFollowTheFolder()
    {
        var wrong = Repository.Files("*.cs", "src")
            .Select(file => (file, declared: File.ReadLines(file).FirstOrDefault(line => line.StartsWith("namespace ", StringComparison.Ordinal))))
            .Where(at => at.declared is not null && at.declared != $"namespace {Path.GetDirectoryName(Path.GetRelativePath(Path.Combine(Repository.Root, "src"), at.file))!.Replace('/', '.')};")
            .Select(at => $"{Repository.Relative(at.file)}: {at.declared}");
        Assert.Empty(wrong);
    }
}
