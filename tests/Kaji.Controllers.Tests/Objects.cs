using k8s.Models;

namespace Kaji.Controllers.Tests;

/// <summary>Objects as an informer would hold them.</summary>
internal static class Objects
{
    public static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    public static V1Pod Pod(string name, string phase = "Running", bool ready = true, string? node = "n1", int readyFor = 60, int age = 100, int restarts = 0, string? cost = null) => new()
    {
        Metadata = new V1ObjectMeta
        {
            Name = name, NamespaceProperty = "ns", Uid = "uid-" + name, CreationTimestamp = Now.UtcDateTime.AddSeconds(-age),
            Labels = new Dictionary<string, string> { ["app"] = "web" },
            Annotations = cost is null ? null : new Dictionary<string, string> { ["controller.kubernetes.io/pod-deletion-cost"] = cost },
        },
        Spec = new V1PodSpec { NodeName = node, Containers = [new V1Container { Name = "c", Ports = [new V1ContainerPort { Name = "http", ContainerPort = 8080, Protocol = "TCP" }] }] },
        Status = new V1PodStatus
        {
            Phase = phase, PodIP = "10.0.0." + (name[^1] - '0'),
            Conditions = [new V1PodCondition { Type = "Ready", Status = ready ? "True" : "False", LastTransitionTime = Now.UtcDateTime.AddSeconds(-readyFor) }],
            ContainerStatuses = [new V1ContainerStatus { Name = "c", RestartCount = restarts }],
        },
    };

    public static V1PodTemplateSpec Template(string image, params (string Key, string Value)[] labels) => new()
    {
        Metadata = new V1ObjectMeta { Labels = new Dictionary<string, string>(labels.Select(l => KeyValuePair.Create(l.Key, l.Value)).Prepend(KeyValuePair.Create("app", "web"))) },
        Spec = new V1PodSpec { Containers = [new V1Container { Name = "c", Image = image }] },
    };

    public static V1ReplicaSet Set(int replicas, string name = "web-1", string image = "v1", long revision = 1, int minReadySeconds = 0) => new()
    {
        Metadata = new V1ObjectMeta
        {
            Name = name, NamespaceProperty = "ns", Uid = "uid-" + name, Generation = 1, CreationTimestamp = Now.UtcDateTime.AddMinutes(revision),
            Annotations = new Dictionary<string, string> { ["deployment.kubernetes.io/revision"] = revision.ToString() },
        },
        Spec = new V1ReplicaSetSpec
        {
            Replicas = replicas, MinReadySeconds = minReadySeconds, Template = Template(image, ("pod-template-hash", name)), Selector = new V1LabelSelector { MatchLabels = new Dictionary<string, string> { ["app"] = "web" } },
        },
    };

    public static V1Deployment Deployment(int replicas, string? surge = null, string? unavailable = null, string image = "v1", string strategy = "RollingUpdate") => new()
    {
        Metadata = new V1ObjectMeta { Name = "web", NamespaceProperty = "ns", Uid = "uid-web", Generation = 1 },
        Spec = new V1DeploymentSpec
        {
            Replicas = replicas, Template = Template(image), ProgressDeadlineSeconds = 600, Selector = new V1LabelSelector { MatchLabels = new Dictionary<string, string> { ["app"] = "web" } },
            Strategy = new V1DeploymentStrategy
            {
                Type = strategy,
                RollingUpdate = strategy == "RollingUpdate" ? new V1RollingUpdateDeployment { MaxSurge = surge is null ? null : (IntOrString)surge, MaxUnavailable = unavailable is null ? null : (IntOrString)unavailable } : null,
            },
        },
    };

    public static V1ReplicaSet WithStatus(this V1ReplicaSet set, int replicas, int available)
    {
        set.Status = new V1ReplicaSetStatus { Replicas = replicas, ReadyReplicas = available, AvailableReplicas = available, ObservedGeneration = set.Metadata.Generation };
        return set;
    }

    public static V1Service Service(bool headless = false, bool publishNotReady = false, string? targetPort = "8080") => new()
    {
        Metadata = new V1ObjectMeta { Name = "web", NamespaceProperty = "ns", Uid = "uid-svc", Labels = new Dictionary<string, string> { ["tier"] = "front" } },
        Spec = new V1ServiceSpec
        {
            Selector = new Dictionary<string, string> { ["app"] = "web" }, ClusterIP = headless ? "None" : "10.96.0.9", PublishNotReadyAddresses = publishNotReady,
            Ports = targetPort is null ? null : [new V1ServicePort { Name = "http", Port = 80, Protocol = "TCP", TargetPort = (IntOrString)targetPort }],
        },
    };
}
