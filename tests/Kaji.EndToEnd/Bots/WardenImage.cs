namespace Kaji.EndToEnd.Bots;

/// <summary>The image of the sidecar that is a warden, built once a test run.</summary>
internal static class WardenImage
{
    private static readonly Lazy<Task<string>> Built = new(BuildAsync);

    /// <summary>The executable that runs as an operator.</summary>
    public static string Operator => Path.Combine(TestCluster.Home, "out", "r2r", "kaji");

    /// <summary>Puts the image into a data directory.</summary>
    public static async Task AddToAsync(string data) =>
        (await Command.RunAsync(TestCluster.Kaji, "image", "build", "kaji.local/kaji:latest", "--dir", await Built.Value, "--entrypoint", "/kaji", "--data-dir", data)).Ok();

    private static async Task<string> BuildAsync()
    {
        var directory = Path.Combine(TestCluster.Home, "out", "warden");
        (await Command.RunAsync(Path.Combine(TestCluster.Home, "deploy", "warden-image.sh"), directory)).Ok();
        return directory;
    }
}
