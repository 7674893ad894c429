using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json;
using k8s.Models;
using Kaji.Bots.Api;
using Kaji.Bots.Warden;
using Kaji.Client;

namespace Kaji.Bots.Operator;

/// <summary>
/// Puts the warden into a bot's Pod as a native sidecar: it starts first and its startup probe passes when the epoch is granted, so that the bot's containers start then; the
/// bot's preStop asks it to bring the bot to rest; it sees the bot's processes through the shared process namespace and kills them at its deadline.
/// </summary>
/// <param name="image">Holds the <c>kaji</c> executable as its entry point.</param>
public sealed class WardenSidecar(string image)
{
    public const string ContainerName = "kaji-warden";
    public const int Port = 10290;
    private const string TokenVolume = "kaji-warden-token";
    private const string ServiceAccount = "kaji-bot";
    private const string Binding = "kaji:bot-warden";
    private readonly ConcurrentDictionary<(string Namespace, string Account), bool> _bound = new();

    /// <summary>Changes the Pod, and sees to it that its service account may do what a warden does.</summary>
    /// <exception cref="JsonException">The template has what can't be together with a sidecar.</exception>
    public async Task AddToAsync(IApiClient client, V1Pod pod, CancellationToken cancellationToken)
    {
        var plan = WardenPlan.Of(pod)! with { Sidecar = true, StopKey = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)) };
        if (Hooks(plan).FirstOrDefault(h => h.Exec is not null) is { } exec)
        {
            throw new JsonException($"hook {HookCaller.Name(exec)}: a sidecar can't run commands in the bot's container; use httpPost or httpGet");
        }

        if (pod.Spec.Containers[0].Lifecycle?.PreStop is not null)
        {
            throw new JsonException("the bot's container has a preStop hook, which is the warden's here; say it in spec.stop.tell");
        }

        if (pod.Spec.InitContainers is { Count: > 0 })
        {
            throw new JsonException("spec.template.spec.initContainers: a sidecar can't tell their end from the bot's; do it in the bot's container, before start.reconcile passes");
        }

        if (pod.Spec.HostNetwork == true)
        {
            throw new JsonException("spec.template.spec.hostNetwork: bots with sidecars would share one port on a node");
        }

        if (plan.Freshness?.File is not null)
        {
            throw new JsonException("spec.freshness.file needs the node agent; use metric, jsonField or sdNotify");
        }

        var warden = Container();
        pod.Metadata.Annotations[BotNames.PlanAnnotation] = JsonSerializer.Serialize(plan, BotJson.Default.WardenPlan);
        pod.Spec.ShareProcessNamespace = true;
        pod.Spec.AutomountServiceAccountToken ??= false;
        pod.Spec.ServiceAccountName = string.IsNullOrEmpty(pod.Spec.ServiceAccountName) ? ServiceAccount : pod.Spec.ServiceAccountName;
        pod.Spec.Volumes = [.. pod.Spec.Volumes ?? [], new V1Volume
        {
            Name = TokenVolume,
            Projected = new V1ProjectedVolumeSource
            {
                Sources =
                [
                    new V1VolumeProjection { ServiceAccountToken = new V1ServiceAccountTokenProjection { Path = "token", ExpirationSeconds = 3600 } },
                    new V1VolumeProjection { ConfigMap = new V1ConfigMapProjection { Name = "kube-root-ca.crt", Items = [new V1KeyToPath { Key = "ca.crt", Path = "ca.crt" }] } },
                ],
            },
        }];
        if (pod.Spec.Volumes.Any(v => v.Name == BotPodMaker.NotifyVolume))
        {
            warden.VolumeMounts.Add(new V1VolumeMount { Name = BotPodMaker.NotifyVolume, MountPath = NotifySocket.Folder });
        }

        var lifecycle = pod.Spec.Containers[0].Lifecycle ??= new V1Lifecycle();
        lifecycle.PreStop = new V1LifecycleHandler { HttpGet = new V1HTTPGetAction { Path = "/stop/" + plan.StopKey, Port = Port } };
        pod.Spec.InitContainers = [warden];
        await BindAsync(client, pod.Metadata.NamespaceProperty, pod.Spec.ServiceAccountName, cancellationToken);
    }

    /// <summary>A Pod was refused in the namespace: what is known to be there may have gone with an earlier namespace of that name, so it is made anew with the next Pod.</summary>
    public void Forget(string ns)
    {
        foreach (var bound in _bound.Keys.Where(k => k.Namespace == ns))
        {
            _bound.TryRemove(bound, out _);
        }
    }

    private static IEnumerable<Hook> Hooks(WardenPlan plan) => new[] { plan.Start?.Reconcile, plan.Start?.Activate, plan.Stop?.Tell, plan.Stop?.Verify }.OfType<Hook>();

    private V1Container Container() => new()
    {
        Name = ContainerName, Image = image, ImagePullPolicy = "IfNotPresent", RestartPolicy = "Always", Args = ["warden"],
        Env =
        [
            new V1EnvVar { Name = "POD_NAME", ValueFrom = new V1EnvVarSource { FieldRef = new V1ObjectFieldSelector { FieldPath = "metadata.name" } } },
            new V1EnvVar { Name = "POD_NAMESPACE", ValueFrom = new V1EnvVarSource { FieldRef = new V1ObjectFieldSelector { FieldPath = "metadata.namespace" } } },
        ],
        VolumeMounts = [new V1VolumeMount { Name = TokenVolume, MountPath = "/var/run/secrets/kubernetes.io/serviceaccount", ReadOnlyProperty = true }],
        StartupProbe = new V1Probe { HttpGet = new V1HTTPGetAction { Path = "/open", Port = Port }, PeriodSeconds = 1, FailureThreshold = 100_000 },
        Resources = new V1ResourceRequirements { Requests = new Dictionary<string, ResourceQuantity>(StringComparer.Ordinal) { ["cpu"] = new("10m"), ["memory"] = new("32Mi") } },

        // It ends processes of other users, and nothing more.
        SecurityContext = new V1SecurityContext
        {
            RunAsUser = 0, RunAsNonRoot = false, AllowPrivilegeEscalation = false, ReadOnlyRootFilesystem = true, Capabilities = new V1Capabilities { Drop = ["ALL"], Add = ["KILL"] },
        },
    };

    private async Task BindAsync(IApiClient client, string ns, string account, CancellationToken cancellationToken)
    {
        if (_bound.ContainsKey((ns, account)))
        {
            return;
        }

        if (account == ServiceAccount)
        {
            await EnsureAsync(() => client.CreateAsync(Kinds.ServiceAccount, new V1ServiceAccount { Metadata = new V1ObjectMeta { Name = account, NamespaceProperty = ns }, AutomountServiceAccountToken = false }, cancellationToken));
        }

        var subject = new Rbacv1Subject { Kind = "ServiceAccount", Name = account, NamespaceProperty = ns };
        await EnsureAsync(() => client.CreateAsync(BotKinds.RoleBinding, new V1RoleBinding
        {
            Metadata = new V1ObjectMeta { Name = $"{Binding}:{account}", NamespaceProperty = ns }, RoleRef = new V1RoleRef { ApiGroup = "rbac.authorization.k8s.io", Kind = "ClusterRole", Name = Binding }, Subjects = [subject],
        }, cancellationToken));
        await EnsureAsync(() => client.CreateAsync(BotKinds.ClusterRoleBinding, new V1ClusterRoleBinding
        {
            Metadata = new V1ObjectMeta { Name = $"{Binding}:{ns}:{account}" }, RoleRef = new V1RoleRef { ApiGroup = "rbac.authorization.k8s.io", Kind = "ClusterRole", Name = "kaji:bot-halts" }, Subjects = [subject],
        }, cancellationToken));
        _bound[(ns, account)] = true;
    }

    private static async Task EnsureAsync<T>(Func<Task<T>> create)
    {
        try
        {
            await create();
        }
        catch (ApiException e) when (e.IsAlreadyExists)
        {
            return;
        }
    }
}
