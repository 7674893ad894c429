using System.Security.Cryptography;
using k8s.Models;
using Kaji.Client;
using Kaji.Engine;
using Kaji.Node.Containers;

namespace Kaji.Node.Pods;

/// <summary>Makes and starts one attempt of a container, in order: image, environment, files, create, start, postStart. The steps' failures become what its status says.</summary>
internal sealed class ContainerStarter(PodServices services)
{
    public const string UidLabel = "io.kubernetes.pod.uid";
    public const string PodLabel = "io.kubernetes.pod.name";
    public const string NamespaceLabel = "io.kubernetes.pod.namespace";
    public const string ContainerLabel = "io.kubernetes.container.name";
    public const string ImageLabel = "kaji.dev/image";

    /// <summary>Directory of a container's logs.</summary>
    public static string LogDirectory(NodeOptions options, V1Pod pod, string container) =>
        Path.Combine(options.DataDirectory, "logs", "pods", $"{pod.Metadata.NamespaceProperty}_{pod.Metadata.Name}_{pod.Metadata.Uid}", container);

    /// <summary>Starts the next attempt. On failure the track says why and when to try again.</summary>
    /// <returns>Whether it runs.</returns>
    public async Task<bool> StartAsync(V1Pod pod, ContainerTrack track, SandboxInfo sandbox, IReadOnlyDictionary<string, string> volumes, CancellationToken cancellationToken)
    {
        var container = track.Spec;
        try
        {
            var image = await services.Images.EnsureAsync(pod, container, (reason, message, warning) => Record(pod, track, warning ? "Warning" : "Normal", reason, message), cancellationToken);
            track.ImageId = image.Digests.Count > 0 ? image.Digests[0] : image.Id;
            var config = await ConfigAsync(pod, track, image, sandbox, volumes, cancellationToken);
            var id = await services.Runtime.CreateContainerAsync(sandbox.Id, config, cancellationToken);
            track.ContainerId = id;
            Record(pod, track, "Normal", "Created", $"Container created: {container.Name}");
            await services.Runtime.StartContainerAsync(id, cancellationToken);
            Record(pod, track, "Normal", "Started", $"Container started: {container.Name}");
            track.Waiting = null;
            track.Killing = false;
            return true;
        }
        catch (ImageException e)
        {
            Later(track, e.Reason, e.Message, e.RetryAfter);
        }
        catch (ConfigException e)
        {
            Record(pod, track, "Warning", "Failed", $"Error: {e.Message}");
            Later(track, "CreateContainerConfigError", e.Message, TimeSpan.FromSeconds(5));
        }
        catch (EngineException e)
        {
            Record(pod, track, "Warning", "Failed", $"Error: {e.Message}");
            var (reason, delay) = e.Fault switch
            {
                EngineFault.RunsAsRoot => ("CreateContainerConfigError", TimeSpan.FromSeconds(10)),
                EngineFault.CommandNotFound => ("RunContainerError", Next(track)),
                _ => ("CreateContainerError", Next(track)),
            };
            Later(track, reason, e.Message, delay);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ApiException)
        {
            Record(pod, track, "Warning", "Failed", $"Error: {e.Message}");
            Later(track, "CreateContainerError", e.Message, Next(track));
        }

        return false;
    }

    public void Record(V1Pod pod, ContainerTrack track, string type, string reason, string message) =>
        services.Events.Record(Kinds.Pod, pod, type, reason, message, $"spec.{(track.IsInit ? "initContainers" : "containers")}{{{track.Spec.Name}}}");

    private TimeSpan Next(ContainerTrack track)
    {
        var delay = track.BackOff == TimeSpan.Zero ? services.Options.FirstRestartBackOff : track.BackOff;
        track.BackOff = TimeSpan.FromTicks(Math.Min(services.Options.MaxRestartBackOff.Ticks, delay.Ticks * 2));
        return delay;
    }

    private void Later(ContainerTrack track, string reason, string message, TimeSpan delay)
    {
        track.Waiting = (reason, message);
        track.NotBefore = services.Time.GetUtcNow() + delay;
    }

    private async Task<ContainerConfig> ConfigAsync(
        V1Pod pod, ContainerTrack track, ImageInfo image, SandboxInfo sandbox, IReadOnlyDictionary<string, string> volumes, CancellationToken cancellationToken)
    {
        var container = track.Spec;
        var env = await services.Environment.BuildAsync(pod, container, cancellationToken);
        var values = env.ToDictionary(e => e.Key, e => e.Value, StringComparer.Ordinal);
        if (!values.ContainsKey("HOSTNAME"))
        {
            env = [.. env, KeyValuePair.Create("HOSTNAME", PodFiles.Hostname(pod, services.Options.NodeName))];
        }

        var directory = services.Volumes.DirectoryOf(pod.Metadata.Uid);
        var etc = Path.Combine(directory, "etc");
        PodFiles.Write(etc, pod, services.Options, pod.Spec.HostNetwork == true ? [services.Options.NodeIP] : sandbox.IPs);
        var termination = Path.Combine(directory, "containers", container.Name, $"{track.Restarts}.termination");
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
                source = Path.Combine(source, Volumes.AtomicFiles.Checked(sub));
                if (!Path.Exists(source))
                {
                    Directory.CreateDirectory(source);
                }
            }

            mounts.Add(new MountSpec(source, mount.MountPath, mount.ReadOnlyProperty == true, mount.MountPropagation switch { "HostToContainer" => "rslave", "Bidirectional" => "rshared", _ => "rprivate" }));
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
            Attempt = track.Restarts,
            ImageId = image.Id,
            Labels = new Dictionary<string, string>(StringComparer.Ordinal)
            {
                [UidLabel] = pod.Metadata.Uid, [PodLabel] = pod.Metadata.Name, [NamespaceLabel] = pod.Metadata.NamespaceProperty, [ContainerLabel] = container.Name,
                [ImageLabel] = container.Image, [TerminationMessages.PathLabel] = termination,
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
            LogPath = Path.Combine(logs, $"{track.Restarts}.log"),
            OomScoreAdj = Resources.OomScoreAdj(pod, container, services.NodeMemory),
        };
    }
}
