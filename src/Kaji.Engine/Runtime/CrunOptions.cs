namespace Kaji.Engine.Runtime;

/// <summary>Where the runtime keeps things and how it works.</summary>
public sealed record CrunOptions
{
    /// <summary>The data directory: <c>sandboxes/</c> and <c>containers/</c> are made in it; best the one that holds the images (one file system).</summary>
    public required string StateDirectory { get; init; }

    /// <summary>For sockets, pinned namespaces and bundles, as <c>/run/kaji/ID</c>; at most 32 characters, because socket paths end at 108.</summary>
    public required string RunDirectory { get; init; }

    /// <summary>The cgroup below which everything lies, as <c>/kaji/ID</c>.</summary>
    public required string CgroupParent { get; init; }

    public string CrunPath { get; init; } = "/usr/bin/crun";

    public string ConmonPath { get; init; } = "/usr/bin/conmon";

    /// <summary>Containers being created at once.</summary>
    public int ParallelCreates { get; init; } = Math.Max(2, Environment.ProcessorCount * 2);

    /// <summary>Longest wait for one of the tools.</summary>
    public TimeSpan ToolTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Events kept for a subscriber that does not read.</summary>
    public int EventBuffer { get; init; } = 1024;
}
