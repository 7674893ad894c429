namespace Kaji.EndToEnd.Bots;

/// <summary>The example fleet's program, built once a test run.</summary>
internal static class FleetImage
{
    public const string Name = "kaji.local/fleet:demo";
    private static readonly Lazy<Task<string>> Built = new(BuildAsync);

    /// <summary>Puts the image into a data directory.</summary>
    public static async Task AddToAsync(string data) =>
        (await Command.RunAsync(TestCluster.Kaji, "image", "build", Name, "--dir", await Built.Value, "--entrypoint", "/fleet", "--data-dir", data)).Ok();

    /// <summary>The program itself.</summary>
    public static async Task<string> ProgramAsync() => Path.Combine(await Built.Value, "fleet");

    private static async Task<string> BuildAsync()
    {
        var directory = Path.Combine(TestCluster.Home, "out", "fleet");
        (await Command.RunAsync("bash", Path.Combine(TestCluster.Home, "examples", "fleet", "build.sh"), directory)).Ok();
        return directory;
    }
}
