using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Kaji.Api.Metadata;

namespace Kaji.ApiServer.Discovery;

/// <summary><c>/version</c>: the Kubernetes whose API this is, and which build answers (version.Info of apimachinery).</summary>
internal static class ServerVersion
{
    public const string Git = "v1.36.2+kaji";

    public static JsonObject Document() => new()
    {
        ["major"] = "1", ["minor"] = "36", ["emulationMajor"] = "1", ["emulationMinor"] = "36", ["minCompatibilityMajor"] = "1", ["minCompatibilityMinor"] = "35", ["gitVersion"] = Git,
        ["gitCommit"] = Commit(), ["gitTreeState"] = "clean", ["buildDate"] = Timestamps.Format(Built()), ["goVersion"] = $"dotnet{Environment.Version}", ["compiler"] = "roslyn",
        ["platform"] = $"linux/{(RuntimeInformation.OSArchitecture == Architecture.Arm64 ? "arm64" : "amd64")}",
    };

    /// <summary>The compiler notes it behind the version: <c>0.1.0+COMMIT</c>. Sources without a repository have none.</summary>
    private static string Commit()
    {
        var version = typeof(ServerVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";
        return version.Split('+') is [_, var commit] ? commit : "unknown";
    }

    private static DateTimeOffset Built() => File.GetLastWriteTimeUtc(Environment.ProcessPath!);
}
