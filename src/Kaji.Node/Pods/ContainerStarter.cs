using System.Security.Cryptography;
using k8s.Models;
using Kaji.Client;
using Kaji.Engine;
using Kaji.Linux.Files;
using Kaji.Node.Containers;

namespace Kaji.Node.Pods;

/// <summary>One attempt of a container that is to be made.</summary>
/// <param name="TargetId">For an ephemeral container: the container whose processes it sees.</param>
internal sealed record StartRequest(
    V1Pod Pod, V1Container Container, ContainerRole Role, int Attempt, SandboxInfo Sandbox, IReadOnlyDictionary<string, string> Volumes, string? TargetId = null);

/// <summary>What came of it.</summary>
internal sealed record StartResult
{
    /// <summary>Set when it runs.</summary>
    public string? ContainerId { get; init; }

    /// <summary>As shown in status; empty when the image could not be had.</summary>
    public string ImageId { get; init; } = "";

    /// <summary>What is wrong, where it does not run.</summary>
    public (string Reason, string Message)? Waiting { get; init; }

    /// <summary>When to try again; null for the container's own back-off.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>It was made but its command could not be run: the attempt counts as one that ended.</summary>
    public V1ContainerStateTerminated? Ended { get; init; }
}

/// <summary>Makes and starts one attempt of a container, in order: image, environment, files, create, start. The steps' failures become what its status says.</summary>
internal sealed class ContainerStarter(PodServices services)
{
    public const string UidLabel = "io.kubernetes.pod.uid";
    public const string PodLabel = "io.kubernetes.pod.name";
    public const string NamespaceLabel = "io.kubernetes.pod.namespace";
    public const string ContainerLabel = "io.kubernetes.container.name";
    public const string ImageLabel = "kaji.dev/image";

    /// <summary>The requests and limits that it was made with.</summary>
    public const string ResourcesLabel = "kaji.dev/resources";

    /// <summary>Reason of a container that the Pod's warden has barred.</summary>
    public const string Fenced = "Fenced";
    private const int StartErrorCode = 128;
    private const int FencedCode = 137;
    private static readonly TimeSpan ConfigRetry = TimeSpan.FromSeconds(5);

    /// <summary>Directory of a container's logs.</summary>
    public static string LogDirectory(NodeOptions options, V1Pod pod, string container) =>
        Path.Combine(options.DataDirectory, "logs", "pods", $"{pod.Metadata.NamespaceProperty}_{pod.Metadata.Name}_{pod.Metadata.Uid}", container);

    /// <summary>Starts an attempt. Failures are results, not exceptions.</summary>
    public async Task<StartResult> StartAsync(StartRequest start, IPodWard? ward, CancellationToken cancellationToken)
    {
        var (pod, container) = (start.Pod, start.Container);
        var imageId = "";
        string? id = null;
        try
        {
            var image = await services.Images.EnsureAsync(pod, container, (reason, message, warning) => Record(start, warning ? "Warning" : "Normal", reason, message), cancellationToken);
            imageId = image.Digests.Count > 0 ? image.Digests[0] : image.Id;
            id = await services.Runtime.CreateContainerAsync(start.Sandbox.Id, await ConfigAsync(start, image, cancellationToken), cancellationToken);
            Record(start, "Normal", "Created", $"Container created: {container.Name}");
            if (ward is not null)
            {
                await ward.MayStartAsync(cancellationToken);
            }

            await services.Runtime.StartContainerAsync(id, cancellationToken);
            Record(start, "Normal", "Started", $"Container started: {container.Name}");
            return new StartResult { ContainerId = id, ImageId = imageId };
        }
        catch (ImageException e)
        {
            return new StartResult { Waiting = (e.Reason, e.Message), RetryAfter = e.RetryAfter };
        }
        catch (ConfigException e)
        {
            Record(start, "Warning", "Failed", $"Error: {e.Message}");
            return new StartResult { ImageId = imageId, Waiting = ("CreateContainerConfigError", e.Message), RetryAfter = ConfigRetry };
        }
        catch (EngineException e) when (e.Fault == EngineFault.RunsAsRoot)
        {
            Record(start, "Warning", "Failed", $"Error: {e.Message}");
            return new StartResult { ImageId = imageId, Waiting = ("CreateContainerConfigError", e.Message), RetryAfter = ConfigRetry };
        }
        catch (PodBarredException e)
        {
            await services.Runtime.RemoveContainerAsync(id!, CancellationToken.None);
            var now = services.Time.GetUtcNow().UtcDateTime;
            return new StartResult
            {
                ImageId = imageId,
                Waiting = (Fenced, e.Message),
                Ended = new V1ContainerStateTerminated { ContainerID = "crun://" + id, ExitCode = FencedCode, Reason = Fenced, Message = e.Message, StartedAt = now, FinishedAt = now },
            };
        }
        catch (EngineException e) when (id is not null)
        {
            Record(start, "Warning", "Failed", $"Error: {e.Message}");
            await services.Runtime.RemoveContainerAsync(id, CancellationToken.None);
            var now = services.Time.GetUtcNow().UtcDateTime;
            return new StartResult
            {
                ImageId = imageId,
                Waiting = ("RunContainerError", e.Message),
                Ended = new V1ContainerStateTerminated { ContainerID = "crun://" + id, ExitCode = StartErrorCode, Reason = "StartError", Message = e.Message, StartedAt = now, FinishedAt = now },
            };
        }
        catch (Exception e) when (e is EngineException or IOException or UnauthorizedAccessException or ApiException or HttpRequestException)
        {
            Record(start, "Warning", "Failed", $"Error: {e.Message}");
            return new StartResult { ImageId = imageId, Waiting = ("CreateContainerError", e.Message) };
        }
    }

    public void Record(V1Pod pod, ContainerRole role, string container, string type, string reason, string message)
    {
        var list = role switch { ContainerRole.Init or ContainerRole.Sidecar => "initContainers", ContainerRole.Ephemeral => "ephemeralContainers", _ => "containers" };
        services.Events.Record(Kinds.Pod, pod, type, reason, message, $"spec.{list}{{{container}}}");
    }

    private void Record(StartRequest start, string type, string reason, string message) => Record(start.Pod, start.Role, start.Container.Name, type, reason, message);

    private async Task<ContainerConfig> ConfigAsync(StartRequest start, ImageInfo image, CancellationToken cancellationToken)
    {
        var (pod, container, volumes) = (start.Pod, start.Container, start.Volumes);
        var env = await services.Environment.BuildAsync(pod, container, cancellationToken);
        var values = env.ToDictionary(e => e.Key, e => e.Value, StringComparer.Ordinal);
        if (!values.ContainsKey("HOSTNAME"))
        {
            env = [.. env, KeyValuePair.Create("HOSTNAME", PodFiles.Hostname(pod, services.Options.NodeName))];
        }

        var directory = services.Volumes.DirectoryOf(pod.Metadata.Uid);
        var etc = Path.Combine(directory, "etc");
        PodFiles.Write(etc, pod, services.Options, pod.Spec.HostNetwork == true ? [services.Options.NodeIP] : start.Sandbox.IPs);
        var termination = Path.Combine(directory, "containers", container.Name, $"{start.Attempt}.termination");
        Directory.CreateDirectory(Path.GetDirectoryName(termination)!);
        await File.WriteAllTextAsync(termination, "", cancellationToken);
        File.SetUnixFileMode(termination, (UnixFileMode)0x1B6);

        var mounts = new List<MountSpec>();
        foreach (var mount in container.VolumeMounts ?? [])
        {
            if (!volumes.TryGetValue(mount.Name, out var source))
            {
                throw new ConfigException($"volume \"{mount.Name}\" is not there");
            }

            var sub = mount.SubPathExpr is { Length: > 0 } expression ? EnvironmentBuilder.Expand(expression, values) : mount.SubPath;
            if (!string.IsNullOrEmpty(sub))
            {
                // Containers may have put links into the volume: they must not lead out of it.
                source = RootedPath.Resolve(source, Volumes.AtomicFiles.Checked(sub));
                if (!Path.Exists(source))
                {
                    Directory.CreateDirectory(source);
                }
            }

            mounts.Add(new MountSpec(source, mount.MountPath, mount.ReadOnlyProperty == true || Volumes.PodVolumes.IsMirror(pod, mount.Name), mount.MountPropagation switch { "HostToContainer" => "rslave", "Bidirectional" => "rshared", _ => "rprivate" }));
        }

        foreach (var (file, path) in (ReadOnlySpan<(string, string)>)[("hosts", "/etc/hosts"), ("resolv.conf", "/etc/resolv.conf"), ("hostname", "/etc/hostname")])
        {
            if (mounts.All(m => m.ContainerPath != path))
            {
                mounts.Add(new MountSpec(Path.Combine(etc, file), path));
            }
        }

        mounts.Add(new MountSpec(termination, container.TerminationMessagePath ?? "/dev/termination-log"));
        var logs = LogDirectory(services.Options, pod, container.Name);
        Directory.CreateDirectory(logs);
        return new ContainerConfig
        {
            Id = RandomNumberGenerator.GetHexString(64, lowercase: true),
            Name = container.Name,
            Attempt = start.Attempt,
            ImageId = image.Id,
            Labels = new Dictionary<string, string>(StringComparer.Ordinal)
            {
                [UidLabel] = pod.Metadata.Uid, [PodLabel] = pod.Metadata.Name, [NamespaceLabel] = pod.Metadata.NamespaceProperty, [ContainerLabel] = container.Name,
                [ImageLabel] = container.Image, [ResourcesLabel] = Resizing.Text(container), [TerminationMessages.PathLabel] = termination,
            },
            Command = container.Command is { Count: > 0 } command ? [.. command.Select(c => EnvironmentBuilder.Expand(c, values))] : null,
            Args = container.Args is { Count: > 0 } args ? [.. args.Select(a => EnvironmentBuilder.Expand(a, values))] : null,
            Env = env,
            WorkingDir = string.IsNullOrEmpty(container.WorkingDir) ? null : container.WorkingDir,
            Mounts = mounts,
            Limits = Resources.Limits(container),
            Security = Security.Of(pod, container),
            Tty = container.Tty == true,
            Stdin = container.Stdin == true,
            StdinOnce = container.StdinOnce == true,
            LogPath = Path.Combine(logs, $"{start.Attempt}.log"),
            TargetPidContainerId = start.TargetId,
            OomScoreAdj = Resources.OomScoreAdj(pod, container, services.NodeMemory),
        };
    }
}
