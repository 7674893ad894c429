namespace Kaji.Engine.Runtime;

/// <summary>Who lies where. What must survive a boot is in the data directory, the rest in the run directory.</summary>
internal sealed class RuntimePaths(CrunOptions options)
{
    public string Sandboxes => Path.Combine(options.StateDirectory, "sandboxes");

    public string Containers => Path.Combine(options.StateDirectory, "containers");

    public string Exits => Path.Combine(options.RunDirectory, "exits");

    public string CrunRoot => Path.Combine(options.RunDirectory, "crun");

    public string Execs => Path.Combine(options.RunDirectory, "x");

    public string Bundles => Path.Combine(options.RunDirectory, "c");

    public string Pins => Path.Combine(options.RunDirectory, "s");

    public string SandboxFile(string id) => Path.Combine(Sandboxes, id, "sandbox.json");

    public string ContainerFile(string id) => Path.Combine(Containers, id, "container.json");

    public string Rootfs(string id) => Path.Combine(Containers, id, "rootfs");

    public string Bundle(string id) => Path.Combine(Bundles, id);

    /// <summary>The OCI configuration of a container.</summary>
    public string Spec(string id) => Path.Combine(Bundle(id), "config.json");

    public string ConmonPidFile(string id) => Path.Combine(Bundles, id, "conmon.pid");

    public string ExitFile(string id) => Path.Combine(Exits, id);

    public string Pin(string sandboxId, string kind) => Path.Combine(Pins, sandboxId, kind);

    public void Create()
    {
        foreach (var directory in (string[])[Sandboxes, Containers, Exits, CrunRoot, Execs, Bundles, Pins])
        {
            Directory.CreateDirectory(directory);
        }
    }
}
