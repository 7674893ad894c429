using System.Diagnostics;

namespace Kaji.Cluster;

/// <summary>Versions of the engines, for the Node's status.</summary>
internal static class ToolVersions
{
    /// <summary>As <c>1.8.1</c>.</summary>
    public static string Crun { get; } = Read();

    private static string Read()
    {
        using var process = Process.Start(new ProcessStartInfo("crun", ["--version"]) { RedirectStandardOutput = true, UseShellExecute = false });
        var first = process?.StandardOutput.ReadLine() ?? "";
        process?.StandardOutput.ReadToEnd();
        process?.WaitForExit();
        return first.Split(' ')[^1];
    }
}
