using System.Threading.Channels;

namespace Kaji.Engine;

/// <summary>
/// Containers in sandboxes, without Kubernetes: the same verbs as CRI's RuntimeService. Everything is idempotent and survives a restart of this process:
/// state lies in files, processes are children of conmon. Implemented over crun + conmon; a CRI client is the other implementation.
/// Failures are <see cref="EngineException"/>.
/// </summary>
public interface IContainerRuntime : IAsyncDisposable
{
    /// <summary>Reads what is on disk and running, adopts it, starts watching for exits.</summary>
    Task StartAsync(CancellationToken cancellationToken = default);

    /// <summary>Makes the namespaces, the network and the cgroup that a Pod's containers share. Without a pause process: namespaces are pinned as files.</summary>
    Task<SandboxInfo> RunSandboxAsync(SandboxConfig config, CancellationToken cancellationToken = default);

    /// <summary>Kills what still runs in it, gives its network back.</summary>
    Task StopSandboxAsync(string sandboxId, CancellationToken cancellationToken = default);

    /// <summary>Removes it with its containers and files.</summary>
    Task RemoveSandboxAsync(string sandboxId, CancellationToken cancellationToken = default);

    /// <summary>All sandboxes, running or stopped.</summary>
    IReadOnlyList<SandboxInfo> ListSandboxes();

    /// <summary>Prepares a container: root file system, OCI bundle, conmon and crun create. Returns its id. The image must be in the image store.</summary>
    Task<string> CreateContainerAsync(string sandboxId, ContainerConfig config, CancellationToken cancellationToken = default);

    /// <summary>Starts it. A command that is not in the image is <see cref="EngineFault.CommandNotFound"/>.</summary>
    Task StartContainerAsync(string containerId, CancellationToken cancellationToken = default);

    /// <summary>Sends <paramref name="signal"/> (or the image's, or SIGTERM), waits <paramref name="grace"/>, then SIGKILL. Returns after the exit is recorded.</summary>
    Task StopContainerAsync(string containerId, TimeSpan grace, string? signal = null, CancellationToken cancellationToken = default);

    /// <summary>Removes an ended container (kills a running one) and its root file system; its log file stays with the caller's directory.</summary>
    Task RemoveContainerAsync(string containerId, CancellationToken cancellationToken = default);

    /// <summary>All containers, in creation order.</summary>
    IReadOnlyList<ContainerInfo> ListContainers();

    /// <summary>One container, or null.</summary>
    ContainerInfo? GetContainer(string containerId);

    /// <summary>Starts and exits from now on, in order. Each caller gets its own bounded stream; when it overflows, one <see cref="ContainerEventKind.Resync"/> tells to list again.</summary>
    ChannelReader<ContainerEvent> Subscribe();

    /// <summary>Runs a command in the container and collects its output (bounded to 16 KiB). A timeout kills it.</summary>
    Task<ExecResult> ExecAsync(string containerId, IReadOnlyList<string> command, TimeSpan timeout, CancellationToken cancellationToken = default);

    /// <summary>Runs a command with streams.</summary>
    /// <param name="size">Of the terminal from its beginning, if known.</param>
    Task<IStreamSession> OpenExecAsync(
        string containerId, IReadOnlyList<string> command, bool tty, bool stdin, (int Columns, int Rows)? size = null, CancellationToken cancellationToken = default);

    /// <summary>Joins the streams of the container's main process, from now on.</summary>
    Task<IStreamSession> OpenAttachAsync(string containerId, bool stdin, CancellationToken cancellationToken = default);

    /// <summary>Connects to a TCP port on the sandbox's loopback.</summary>
    Task<Stream> OpenPortAsync(string sandboxId, int port, CancellationToken cancellationToken = default);

    /// <summary>Usage now, from the cgroup; null when it does not run.</summary>
    ContainerStats? GetStats(string containerId);

    /// <summary>Tells conmon to open the log file anew, after it was renamed for rotation.</summary>
    Task ReopenLogAsync(string containerId, CancellationToken cancellationToken = default);

    /// <summary>Kills all, removes all: sandboxes, containers, mounts, cgroups, files. For <c>kaji down</c>.</summary>
    Task TearDownAsync(TimeSpan grace, CancellationToken cancellationToken = default);
}

/// <summary>The network of sandboxes; the implementation is composed in (bridge and veth in Kaji.Network).</summary>
public interface ISandboxNetwork
{
    /// <summary>Gives the network namespace at <paramref name="netnsPath"/> an interface and addresses. Idempotent for one sandbox id.</summary>
    Task<IReadOnlyList<string>> AttachAsync(string sandboxId, string netnsPath, IReadOnlyList<PortMapping> hostPorts, CancellationToken cancellationToken = default);

    /// <summary>Takes them back. No error when there is nothing.</summary>
    Task DetachAsync(string sandboxId, CancellationToken cancellationToken = default);
}

/// <summary>A hostPort.</summary>
public sealed record PortMapping(int HostPort, int ContainerPort, string Protocol, string HostIP);

/// <summary>What to make a sandbox of.</summary>
public sealed record SandboxConfig
{
    /// <summary>Chosen by the caller, unique: 1-64 of [a-z0-9-]. The node agent uses POD_UID-ATTEMPT.</summary>
    public required string Id { get; init; }

    /// <summary>Kept and given back, for adoption: pod name, namespace, uid …</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    public required string Hostname { get; init; }

    public bool HostNetwork { get; init; }

    public bool HostPid { get; init; }

    public bool HostIpc { get; init; }

    /// <summary>All containers see each other's processes.</summary>
    public bool ShareProcessNamespace { get; init; }

    public IReadOnlyList<PortMapping> HostPorts { get; init; } = [];

    public IReadOnlyDictionary<string, string> Sysctls { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Limits of the sandbox as a whole; null for none.</summary>
    public ResourceLimits? Limits { get; init; }

    /// <summary>Part of the cgroup path, as <c>guaranteed</c>, <c>burstable</c>, <c>besteffort</c>.</summary>
    public string QosClass { get; init; } = "besteffort";
}

public enum SandboxState
{
    Ready,
    NotReady,
}

/// <summary>A sandbox as it is.</summary>
public sealed record SandboxInfo(string Id, SandboxState State, IReadOnlyList<string> IPs, DateTimeOffset CreatedAt, IReadOnlyDictionary<string, string> Labels);

/// <summary>What to make a container of.</summary>
public sealed record ContainerConfig
{
    /// <summary>Chosen by the caller, unique: 1-64 of [a-z0-9]. What kubectl shows after <c>crun://</c>.</summary>
    public required string Id { get; init; }

    public required string Name { get; init; }

    /// <summary>Restart count.</summary>
    public int Attempt { get; init; }

    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Id of an image in the store (<see cref="ImageInfo.Id"/>).</summary>
    public required string ImageId { get; init; }

    /// <summary>Replaces the image's entry point; null keeps it.</summary>
    public IReadOnlyList<string>? Command { get; init; }

    /// <summary>Replaces the image's arguments; null keeps them, unless <see cref="Command"/> is given.</summary>
    public IReadOnlyList<string>? Args { get; init; }

    /// <summary>Added to and overriding the image's.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Env { get; init; } = [];

    /// <summary>Null for the image's.</summary>
    public string? WorkingDir { get; init; }

    public IReadOnlyList<MountSpec> Mounts { get; init; } = [];

    public ResourceLimits Limits { get; init; } = new();

    public SecurityOptions Security { get; init; } = new();

    public bool Tty { get; init; }

    public bool Stdin { get; init; }

    /// <summary>stdin closes after the first attach ends.</summary>
    public bool StdinOnce { get; init; }

    /// <summary>File for conmon's CRI-format log.</summary>
    public required string LogPath { get; init; }

    /// <summary>-1000 to 1000; clamped to what this process may set.</summary>
    public int OomScoreAdj { get; init; }

    /// <summary>For a Pod-wide process namespace shared with one container (<c>kubectl debug --target</c>); null for none.</summary>
    public string? TargetPidContainerId { get; init; }
}

/// <summary>A bind mount.</summary>
/// <param name="HostPath">File or directory that exists.</param>
/// <param name="ContainerPath">Absolute.</param>
public sealed record MountSpec(string HostPath, string ContainerPath, bool ReadOnly = false, string Propagation = "rprivate");

/// <summary>cgroup limits; 0 or null for none.</summary>
public sealed record ResourceLimits
{
    public long MemoryBytes { get; init; }

    /// <summary>cpu.shares (1024 = one core).</summary>
    public long CpuShares { get; init; }

    /// <summary>Quota in thousandths of a core.</summary>
    public long CpuMillis { get; init; }

    public long Pids { get; init; }
}

/// <summary>A container's security context, resolved.</summary>
public sealed record SecurityOptions
{
    public bool Privileged { get; init; }

    public bool ReadOnlyRootfs { get; init; }

    /// <summary>allowPrivilegeEscalation; false sets no_new_privs.</summary>
    public bool AllowPrivilegeEscalation { get; init; }

    /// <summary>Null for the image's user.</summary>
    public long? RunAsUser { get; init; }

    public long? RunAsGroup { get; init; }

    public IReadOnlyList<long> SupplementalGroups { get; init; } = [];

    /// <summary>Names without CAP_, <c>ALL</c> for all.</summary>
    public IReadOnlyList<string> AddCapabilities { get; init; } = [];

    public IReadOnlyList<string> DropCapabilities { get; init; } = [];

    /// <summary><c>RuntimeDefault</c>, <c>Unconfined</c>, or a path of a profile.</summary>
    public string Seccomp { get; init; } = "RuntimeDefault";

    /// <summary>A user that is not root is demanded; checked against the image's user at create (<see cref="EngineFault.RunsAsRoot"/>).</summary>
    public bool RunAsNonRoot { get; init; }
}

public enum ContainerState
{
    Created,
    Running,
    Exited,
}

/// <summary>A container as it is.</summary>
public sealed record ContainerInfo
{
    public required string Id { get; init; }

    public required string SandboxId { get; init; }

    public required string Name { get; init; }

    public int Attempt { get; init; }

    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    public required string ImageId { get; init; }

    public required ContainerState State { get; init; }

    /// <summary>Process id on the host while running; else 0.</summary>
    public int Pid { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? FinishedAt { get; init; }

    public int? ExitCode { get; init; }

    public bool OomKilled { get; init; }

    public required string LogPath { get; init; }
}

public enum ContainerEventKind
{
    Started,
    Exited,

    /// <summary>Events were lost: list again.</summary>
    Resync,
}

public sealed record ContainerEvent(ContainerEventKind Kind, string ContainerId, string SandboxId);

public sealed record ExecResult(int ExitCode, byte[] Output, bool TimedOut);

/// <summary>Usage counters.</summary>
public sealed record ContainerStats(DateTimeOffset At, long CpuNanoseconds, long MemoryBytes, long WorkingSetBytes, long Pids);

/// <summary>The streams of an exec or attach.</summary>
public interface IStreamSession : IAsyncDisposable
{
    /// <summary>Null when stdin was not asked for. Completing (disposing) it is end of file.</summary>
    Stream? Stdin { get; }

    Stream Stdout { get; }

    /// <summary>Null with a tty.</summary>
    Stream? Stderr { get; }

    /// <summary>Completes with the exit code; for attach when the container exits.</summary>
    Task<int> Exit { get; }

    /// <summary>Sets the terminal's size.</summary>
    Task ResizeAsync(int columns, int rows, CancellationToken cancellationToken = default);
}
