using System.Text.Json;
using Kaji.Engine.Images;
using Kaji.Linux.Files;

namespace Kaji.Engine.Oci;

/// <summary>Everything a bundle's configuration is made of, resolved.</summary>
internal sealed record SpecInput
{
    public required ContainerConfig Container { get; init; }

    public required ImageConfig Image { get; init; }

    public required ContainerUser User { get; init; }

    public required string Rootfs { get; init; }

    public required string CgroupPath { get; init; }

    public required string Hostname { get; init; }

    public required bool IsCgroupV2 { get; init; }

    public required int OomScoreAdj { get; init; }

    public required IReadOnlyList<string> Capabilities { get; init; }

    /// <summary>Namespace type to the path to join; an empty path makes a new one; absent is the host's.</summary>
    public required IReadOnlyDictionary<string, string> Namespaces { get; init; }

    /// <summary>Bound to /dev/shm.</summary>
    public required string SharedMemoryPath { get; init; }
}

/// <summary>Writes <c>config.json</c> of an OCI bundle (runtime-spec 1.0).</summary>
internal static class SpecWriter
{
    private static readonly string[] Masked =
    [
        "/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
        "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap",
    ];

    private static readonly string[] ReadOnly = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

    /// <summary>The command as Kubernetes resolves it: a given command drops the image's arguments.</summary>
    public static IReadOnlyList<string> Arguments(ContainerConfig container, ImageConfig image)
    {
        IReadOnlyList<string> arguments =
        [
            .. container.Command ?? image.Entrypoint,
            .. container.Args ?? (container.Command is null ? image.Cmd : []),
        ];
        return arguments.Count > 0 ? arguments : throw new EngineException(EngineFault.Invalid, "no command specified: neither the container nor its image has one");
    }

    public static byte[] Write(SpecInput input)
    {
        var buffer = new MemoryStream(20 * 1024);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("ociVersion", "1.0.2");
            Process(json, input);
            json.WriteStartObject("root");
            json.WriteString("path", input.Rootfs);
            json.WriteBoolean("readonly", input.Container.Security.ReadOnlyRootfs);
            json.WriteEndObject();
            Mounts(json, input);
            Linux(json, input);
            json.WriteEndObject();
        }

        return buffer.ToArray();
    }

    private static void Process(Utf8JsonWriter json, SpecInput input)
    {
        var (container, image) = (input.Container, input.Image);
        json.WriteStartObject("process");
        json.WriteBoolean("terminal", container.Tty);
        json.WriteStartObject("user");
        json.WriteNumber("uid", input.User.Uid);
        json.WriteNumber("gid", input.User.Gid);
        Array(json, "additionalGids", input.User.Groups, static (j, g) => j.WriteNumberValue(g));
        json.WriteEndObject();
        Array(json, "args", Arguments(container, image), static (j, a) => j.WriteStringValue(a));
        Array(json, "env", Environment(input), static (j, e) => j.WriteStringValue(e));
        json.WriteString("cwd", WorkingDirectory(container, image));
        json.WriteStartObject("capabilities");
        var names = input.Capabilities.Select(c => "CAP_" + c).ToList();
        foreach (var set in (string[])["bounding", "effective", "permitted"])
        {
            Array(json, set, names, static (j, c) => j.WriteStringValue(c));
        }

        json.WriteEndObject();
        json.WriteBoolean("noNewPrivileges", container.Security is { AllowPrivilegeEscalation: false, Privileged: false });
        json.WriteNumber("oomScoreAdj", input.OomScoreAdj);
        json.WriteEndObject();
    }

    public static string WorkingDirectory(ContainerConfig container, ImageConfig image) =>
        container.WorkingDir is { Length: > 0 } own ? own : image.WorkingDir is { Length: > 0 } its ? its : "/";

    internal static IReadOnlyList<string> Environment(SpecInput input)
    {
        var order = new List<string>();
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        void Set(string name, string value)
        {
            if (!values.ContainsKey(name))
            {
                order.Add(name);
            }

            values[name] = value;
        }

        Set("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        Set("HOSTNAME", input.Hostname);
        Set("HOME", input.User.Home);
        if (input.Container.Tty)
        {
            Set("TERM", "xterm");
        }

        foreach (var pair in input.Image.Env)
        {
            var equals = pair.IndexOf('=');
            Set(equals < 0 ? pair : pair[..equals], equals < 0 ? "" : pair[(equals + 1)..]);
        }

        foreach (var (name, value) in input.Container.Env)
        {
            Set(name, value);
        }

        return [.. order.Select(n => $"{n}={values[n]}")];
    }

    private static void Mounts(Utf8JsonWriter json, SpecInput input)
    {
        var access = input.Container.Security.Privileged ? "rw" : "ro";
        json.WriteStartArray("mounts");
        Mount(json, "/proc", "proc", "proc", "nosuid", "noexec", "nodev");
        Mount(json, "/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k");
        Mount(json, "/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5");
        Mount(json, "/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev");
        Mount(json, "/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", access);
        Mount(json, "/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", access);
        Mount(json, "/dev/shm", "bind", input.SharedMemoryPath, "rbind", "nosuid", "noexec", "nodev", "rw");
        // Shallow first, so that one inside another is not hidden by it.
        foreach (var mount in input.Container.Mounts.OrderBy(m => m.ContainerPath.TrimEnd('/').Count(c => c == '/')))
        {
            Mount(json, mount.ContainerPath, "bind", mount.HostPath, "rbind", mount.ReadOnly ? "ro" : "rw", mount.Propagation);
        }

        json.WriteEndArray();
    }

    private static void Linux(Utf8JsonWriter json, SpecInput input)
    {
        var security = input.Container.Security;
        json.WriteStartObject("linux");
        json.WriteString("cgroupsPath", input.CgroupPath);
        json.WriteStartArray("namespaces");
        foreach (var (type, path) in input.Namespaces)
        {
            json.WriteStartObject();
            json.WriteString("type", type);
            if (path.Length > 0)
            {
                json.WriteString("path", path);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        Resources(json, input);
        json.WriteString("rootfsPropagation", input.Container.Mounts.Any(m => m.Propagation is "rshared" or "shared") ? "rshared" : "rslave");
        if (security.Privileged)
        {
            Devices(json);
        }
        else
        {
            Array(json, "maskedPaths", Masked, static (j, p) => j.WriteStringValue(p));
            Array(json, "readonlyPaths", ReadOnly, static (j, p) => j.WriteStringValue(p));
            if (security.Seccomp == "RuntimeDefault")
            {
                SeccompProfile.Write(json, [.. input.Capabilities]);
            }
            else if (security.Seccomp != "Unconfined")
            {
                json.WritePropertyName("seccomp");
                json.WriteRawValue(LoadProfile(security.Seccomp));
            }
        }

        json.WriteEndObject();
    }

    private static void Resources(Utf8JsonWriter json, SpecInput input)
    {
        var limits = input.Container.Limits;
        json.WriteStartObject("resources");
        json.WriteStartArray("devices");
        json.WriteStartObject();
        json.WriteBoolean("allow", input.Container.Security.Privileged);
        json.WriteString("access", "rwm");
        json.WriteEndObject();
        json.WriteEndArray();
        if (limits.MemoryBytes > 0)
        {
            json.WriteStartObject("memory");
            json.WriteNumber("limit", limits.MemoryBytes);
            json.WriteEndObject();
        }

        if (limits.CpuShares > 0 || limits.CpuMillis > 0)
        {
            json.WriteStartObject("cpu");
            if (limits.CpuShares > 0)
            {
                json.WriteNumber("shares", Math.Max(2, limits.CpuShares));
            }

            if (limits.CpuMillis > 0)
            {
                json.WriteNumber("quota", Math.Max(1000, limits.CpuMillis * 100));
                json.WriteNumber("period", 100_000);
            }

            json.WriteEndObject();
        }

        if (limits.Pids > 0)
        {
            json.WriteStartObject("pids");
            json.WriteNumber("limit", limits.Pids);
            json.WriteEndObject();
        }

        if (input.IsCgroupV2 && limits.MemoryBytes > 0)
        {
            // The container dies as a whole, as Kubernetes has it on v2.
            json.WriteStartObject("unified");
            json.WriteString("memory.oom.group", "1");
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static void Devices(Utf8JsonWriter json)
    {
        json.WriteStartArray("devices");
        string[] own = ["/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/fd", "/dev/console", "/dev/ptmx", "/dev/tty", "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];
        var pending = new Stack<string>(["/dev"]);
        while (pending.TryPop(out var directory))
        {
            foreach (var path in Directory.EnumerateFileSystemEntries(directory).Where(p => !own.Contains(p, StringComparer.Ordinal)))
            {
                if (FileSystem.Status(path) is not { } status)
                {
                    continue;
                }

                var type = status.Mode & 0xf000;
                if (status.IsDirectory)
                {
                    pending.Push(path);
                }
                else if (type is 0x2000 or 0x6000)
                {
                    json.WriteStartObject();
                    json.WriteString("path", path);
                    json.WriteString("type", type == 0x2000 ? "c" : "b");
                    json.WriteNumber("major", status.Major);
                    json.WriteNumber("minor", status.Minor);
                    json.WriteNumber("fileMode", status.Mode & 0x1ff);
                    json.WriteNumber("uid", status.User);
                    json.WriteNumber("gid", status.Group);
                    json.WriteEndObject();
                }
            }
        }

        json.WriteEndArray();
    }

    private static string LoadProfile(string path)
    {
        try
        {
            var text = File.ReadAllText(path);
            using var document = JsonDocument.Parse(text);
            return text;
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
        {
            throw new EngineException(EngineFault.Invalid, $"cannot load seccomp profile \"{path}\": {e.Message}", e);
        }
    }

    private static void Mount(Utf8JsonWriter json, string destination, string type, string source, params ReadOnlySpan<string> options)
    {
        json.WriteStartObject();
        json.WriteString("destination", destination);
        json.WriteString("type", type);
        json.WriteString("source", source);
        json.WriteStartArray("options");
        foreach (var option in options)
        {
            json.WriteStringValue(option);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Array<T>(Utf8JsonWriter json, string name, IEnumerable<T> items, Action<Utf8JsonWriter, T> write)
    {
        json.WriteStartArray(name);
        foreach (var item in items)
        {
            write(json, item);
        }

        json.WriteEndArray();
    }
}
