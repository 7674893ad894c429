using k8s.Models;
using Kaji.Controllers.NodeLifecycle;

namespace Kaji.Controllers.Tests.NodeLifecycle;

public sealed class NodePlanTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private static readonly NodeLifecycleOptions Options = new();

    [Fact]
    public void ANodeThatSpeaks_IsLeftAlone()
    {
        var plan = NodeHealthPlan.Of(Node("True"), TimeSpan.FromSeconds(15), evict: true, Options, Now);
        Assert.Null(plan.Conditions);
        Assert.Null(plan.Taints);
        Assert.Equal(TimeSpan.FromSeconds(25), plan.CheckAfter);
    }

    [Fact]
    public void ANodeThatIsSilent_BecomesUnknown_AndUnreachable()
    {
        var plan = NodeHealthPlan.Of(Node("True"), TimeSpan.FromSeconds(40), evict: true, Options, Now);
        Assert.Equal(["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"], plan.Conditions!.Select(c => c.Type));
        Assert.All(plan.Conditions!, c => Assert.Equal("Unknown", c.Status));
        Assert.Equal(("NodeStatusUnknown", "Kubelet stopped posting node status."), (plan.Conditions![0].Reason, plan.Conditions[0].Message));
        Assert.Equal("NodeStatusNeverUpdated", plan.Conditions[1].Reason);
        Assert.Equal(["node.kubernetes.io/unreachable:NoSchedule", "node.kubernetes.io/unreachable:NoExecute"], Said(plan.Taints));
        Assert.Equal(Now.UtcDateTime, plan.Taints![1].TimeAdded);
        Assert.Null(plan.CheckAfter);
    }

    [Fact]
    public void WhenNoNodeIsWell_NobodyIsDrivenOff() =>
        Assert.Equal(["node.kubernetes.io/unreachable:NoSchedule"], Said(NodeHealthPlan.Of(Node("True"), TimeSpan.FromMinutes(9), evict: false, Options, Now).Taints));

    [Fact]
    public void ANodeThatComesBack_LosesOurTaints_AndKeepsOthers()
    {
        var node = Node("True", ("node.kubernetes.io/unreachable", "NoSchedule"), ("node.kubernetes.io/unreachable", "NoExecute"), ("own", "NoExecute"), ("node.kubernetes.io/unreachable", "PreferNoSchedule"));
        Assert.Equal(["own:NoExecute", "node.kubernetes.io/unreachable:PreferNoSchedule"], Said(NodeHealthPlan.Of(node, TimeSpan.Zero, evict: true, Options, Now).Taints));
    }

    [Fact]
    public void NotReadyAndCordoned_AreTaints_AndKeepTheirTime()
    {
        var node = Node("False", ("node.kubernetes.io/not-ready", "NoExecute"));
        var added = Now.AddMinutes(-3).UtcDateTime;
        node.Spec.Taints[0].TimeAdded = added;
        node.Spec.Unschedulable = true;
        var plan = NodeHealthPlan.Of(node, TimeSpan.Zero, evict: true, Options, Now);
        Assert.Equal(["node.kubernetes.io/not-ready:NoSchedule", "node.kubernetes.io/not-ready:NoExecute", "node.kubernetes.io/unschedulable:NoSchedule"], Said(plan.Taints));
        Assert.Equal(added, plan.Taints!.Single(t => t.Effect == "NoExecute").TimeAdded);
    }

    [Fact]
    public void ANodeNeverHeardOf_HasLonger() =>
        Assert.Equal(TimeSpan.FromSeconds(20), NodeHealthPlan.Of(new V1Node { Metadata = new V1ObjectMeta { Name = "n" } }, TimeSpan.FromSeconds(40), evict: true, Options, Now).CheckAfter);

    [Theory]
    [InlineData("", 0)]
    [InlineData("k::NoExecute:", null)]
    [InlineData("k::NoExecute:300", 200)]
    [InlineData("k::NoExecute:300 k:::20", -80)]
    [InlineData("::: ", null)]
    [InlineData("k::NoSchedule:", 0)]
    [InlineData("other::NoExecute:", 0)]
    [InlineData("k=v:NoExecute:50", 0)]
    [InlineData("k=:NoExecute:100", 0)]
    public void Deadline_FollowsTheTolerations(string tolerations, int? seconds)
    {
        // Each is KEY::EFFECT:SECONDS (exists) or KEY=VALUE:EFFECT:SECONDS (equal). The taint is 100 s old.
        var pod = new V1Pod
        {
            Spec = new V1PodSpec
            {
                Tolerations =
                [
                    .. tolerations.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(t => t.Split(':')).Select(p =>
                    {
                        var (key, value) = p[0].Split('=') is [var k, var v] ? (k, v) : (p[0], null);
                        var rest = p[^2..];
                        return new V1Toleration
                        {
                            Key = key, Value = value, OperatorProperty = value is null ? "Exists" : "Equal", Effect = rest[0], TolerationSeconds = rest[1].Length == 0 ? null : int.Parse(rest[1], null),
                        };
                    }),
                ],
            },
        };
        var taint = new V1Taint { Key = "k", Effect = "NoExecute", TimeAdded = Now.AddSeconds(-100).UtcDateTime };
        Assert.Equal(seconds, (int?)(EvictionPlan.Deadline(pod, [taint, new V1Taint { Key = "z", Effect = "NoSchedule" }], Now) - Now)?.TotalSeconds);
    }

    private static V1Node Node(string ready, params (string Key, string Effect)[] taints) => new()
    {
        Metadata = new V1ObjectMeta { Name = "n" },
        Spec = new V1NodeSpec { Taints = [.. taints.Select(t => new V1Taint { Key = t.Key, Effect = t.Effect })] },
        Status = new V1NodeStatus { Conditions = [new V1NodeCondition { Type = "Ready", Status = ready }] },
    };

    private static IEnumerable<string> Said(IEnumerable<V1Taint>? taints) => taints!.Select(t => $"{t.Key}:{t.Effect}");
}
