using k8s.Models;
using Kaji.Client;
using Kaji.Scheduler.Cache;

namespace Kaji.Scheduler.Tests;

public sealed class SchedulingPlanTests
{
    [Fact]
    public void NoNodes_IsSaid() => Assert.Equal((null, "no nodes available to schedule pods"), Where(Pod("p")));

    [Fact]
    public void Resources_TheEmptierNodeWins_AndWhatIsTooMuchIsNamed()
    {
        var (small, large) = (Node("small", cpu: "1"), Node("large", cpu: "4"));
        Assert.Equal("large", Where(Pod("p", cpu: "500m"), small, large).Node);
        Place(large, Pod("other", cpu: "3900m"));
        Assert.Equal("small", Where(Pod("p", cpu: "500m"), small, large).Node);
        Assert.Equal(
            "0/2 nodes are available: 2 Insufficient cpu, 2 Insufficient memory. preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.",
            Where(Pod("p", cpu: "8", memory: "64Gi"), small, large).Message);
    }

    [Fact]
    public void Resources_OfARemovedPod_AreFreeAgain()
    {
        var node = Node("n", cpu: "1");
        var other = Pod("other", cpu: "1");
        Place(node, other);
        Assert.Null(Where(Pod("p", cpu: "1"), node).Node);
        node.Remove(other.Metadata.Uid);
        Assert.Equal("n", Where(Pod("p", cpu: "1"), node).Node);
    }

    [Fact]
    public void TooManyPods_IsSaid()
    {
        var node = Node("n", pods: 1);
        Place(node, Pod("other"));
        Assert.Contains("1 Too many pods", Where(Pod("p"), node).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void InitContainers_CountByTheirPeak_SidecarsAlways()
    {
        var pod = Pod("p", cpu: "200m");
        pod.Spec.InitContainers = [Container("side", "100m", "Always"), Container("init", "500m")];
        Assert.Equal(600, PodRequest.Of(pod).Resources["cpu"]);
        pod.Spec.InitContainers = [Container("init", "50m"), Container("side", "100m", "Always")];
        Assert.Equal(300, PodRequest.Of(pod).Resources["cpu"]);
    }

    [Theory]
    [InlineData("NoSchedule", null, false)]
    [InlineData("NoSchedule", "NoSchedule", true)]
    [InlineData("NoExecute", "NoSchedule", false)]
    [InlineData("NoExecute", "", true)]
    [InlineData("PreferNoSchedule", null, true)]
    public void Taints_KeepAwayWhoDoesNotTolerateThem(string effect, string? tolerated, bool fits)
    {
        var node = Node("n");
        node.Node.Spec.Taints = [new V1Taint { Key = "for", Value = "gpu", Effect = effect }];
        var pod = Pod("p");
        pod.Spec.Tolerations = tolerated is null ? [] : [new V1Toleration { Key = "for", OperatorProperty = "Equal", Value = "gpu", Effect = tolerated.Length == 0 ? null : tolerated }];
        var where = Where(pod, node);
        Assert.Equal(fits, where.Node == "n");
        Assert.True(fits || where.Message.Contains("1 node(s) had untolerated taint", StringComparison.Ordinal), where.Message);
    }

    [Fact]
    public void CordonedNode_TakesNoPods_ButThoseThatTolerateIt()
    {
        var node = Node("n");
        node.Node.Spec.Unschedulable = true;
        Assert.Contains("1 node(s) were unschedulable", Where(Pod("p"), node).Message, StringComparison.Ordinal);
        var daemon = Pod("d");
        daemon.Spec.Tolerations = [new V1Toleration { Key = "node.kubernetes.io/unschedulable", OperatorProperty = "Exists", Effect = "NoSchedule" }];
        Assert.Equal("n", Where(daemon, node).Node);
    }

    [Theory]
    [InlineData("In", "eu", "n")]
    [InlineData("In", "us", null)]
    [InlineData("NotIn", "us", "n")]
    [InlineData("Exists", null, "n")]
    [InlineData("DoesNotExist", null, null)]
    public void NodeAffinity_ChoosesByLabels(string op, string? value, string? expected)
    {
        var node = Node("n");
        node.Node.Metadata.Labels = new Dictionary<string, string>(StringComparer.Ordinal) { ["zone"] = "eu" };
        var pod = Pod("p");
        pod.Spec.Affinity = new V1Affinity
        {
            NodeAffinity = new V1NodeAffinity
            {
                RequiredDuringSchedulingIgnoredDuringExecution = new V1NodeSelector
                {
                    NodeSelectorTerms = [new V1NodeSelectorTerm { MatchExpressions = [new V1NodeSelectorRequirement { Key = "zone", OperatorProperty = op, Values = value is null ? null : [value] }] }],
                },
            },
        };
        Assert.Equal(expected, Where(pod, node).Node);
    }

    [Fact]
    public void NodeSelector_MustMatchWhole()
    {
        var node = Node("n");
        node.Node.Metadata.Labels = new Dictionary<string, string>(StringComparer.Ordinal) { ["a"] = "1" };
        var pod = Pod("p");
        pod.Spec.NodeSelector = new Dictionary<string, string>(StringComparer.Ordinal) { ["a"] = "1", ["b"] = "2" };
        Assert.Equal(
            "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.", Where(pod, node).Message);
    }

    [Theory]
    [InlineData("TCP", "", false)]
    [InlineData("UDP", "", true)]
    [InlineData("TCP", "127.0.0.2", false)]
    public void HostPorts_AreTakenOnce(string protocol, string ip, bool fits)
    {
        var node = Node("n");
        Place(node, WithPort(Pod("other"), "TCP", ""));
        Assert.Equal(fits, Where(WithPort(Pod("p"), protocol, ip), node).Node == "n");
    }

    [Fact]
    public void AntiAffinity_HoldsInBothDirections()
    {
        var (one, two) = (Node("one"), Node("two"));
        var shy = Labelled(Pod("shy"), "bot");
        shy.Spec.Affinity = new V1Affinity
        {
            PodAntiAffinity = new V1PodAntiAffinity
            {
                RequiredDuringSchedulingIgnoredDuringExecution =
                [
                    new V1PodAffinityTerm { TopologyKey = "kubernetes.io/hostname", LabelSelector = new V1LabelSelector { MatchLabels = new Dictionary<string, string>(StringComparer.Ordinal) { ["app"] = "bot" } } },
                ],
            },
        };
        Place(one, shy);
        Assert.Equal("two", Where(Labelled(Pod("p"), "bot"), one, two).Node);
        Assert.Contains("existing pods anti-affinity", Where(Labelled(Pod("p"), "bot"), one).Message, StringComparison.Ordinal);
        Assert.Equal("one", Where(Labelled(Pod("p"), "other"), one).Node);
    }

    private static (string? Node, string Message) Where(V1Pod pod, params NodeSnapshot[] nodes) => SchedulingPlan.Of(pod, PodRequest.Of(pod), nodes) is var plan ? (plan.Node, plan.Message) : default;

    private static void Place(NodeSnapshot node, V1Pod pod) => node.Add(pod, PodRequest.Of(pod));

    private static NodeSnapshot Node(string name, string cpu = "4", int pods = 110) => new(new V1Node
    {
        Metadata = new V1ObjectMeta { Name = name, Labels = new Dictionary<string, string>(StringComparer.Ordinal) { ["kubernetes.io/hostname"] = name } },
        Spec = new V1NodeSpec(),
        Status = new V1NodeStatus { Allocatable = new Dictionary<string, ResourceQuantity>(StringComparer.Ordinal) { ["cpu"] = new(cpu), ["memory"] = new("8Gi"), ["pods"] = new($"{pods}") } },
    });

    private static V1Pod Pod(string name, string? cpu = null, string? memory = null)
    {
        var container = Container("c", cpu);
        if (memory is not null)
        {
            container.Resources.Requests["memory"] = new ResourceQuantity(memory);
        }

        return new V1Pod { Metadata = new V1ObjectMeta { Name = name, NamespaceProperty = "default", Uid = name }, Spec = new V1PodSpec { Containers = [container] } };
    }

    private static V1Container Container(string name, string? cpu, string? restart = null)
    {
        var requests = new Dictionary<string, ResourceQuantity>(StringComparer.Ordinal);
        if (cpu is not null)
        {
            requests["cpu"] = new ResourceQuantity(cpu);
        }

        return new V1Container { Name = name, RestartPolicy = restart, Resources = new V1ResourceRequirements { Requests = requests } };
    }

    private static V1Pod WithPort(V1Pod pod, string protocol, string ip)
    {
        pod.Spec.Containers[0].Ports = [new V1ContainerPort { ContainerPort = 80, HostPort = 8080, Protocol = protocol, HostIP = ip }];
        return pod;
    }

    private static V1Pod Labelled(V1Pod pod, string app)
    {
        pod.Metadata.Labels = new Dictionary<string, string>(StringComparer.Ordinal) { ["app"] = app };
        return pod;
    }
}
