using k8s.Models;
using Kaji.Controllers.ClusterRoles;

namespace Kaji.Controllers.Tests.ClusterRoles;

public sealed class AggregationTests
{
    [Fact]
    public void Rules_AreThoseOfSelectedRoles_EachOnce_AndNullOnceTheyAreThere()
    {
        var admin = new V1ClusterRole
        {
            Metadata = new V1ObjectMeta { Name = "admin" },
            AggregationRule = new V1AggregationRule { ClusterRoleSelectors = [new V1LabelSelector { MatchLabels = new Dictionary<string, string>(StringComparer.Ordinal) { ["to"] = "admin" } }] },
        };
        V1ClusterRole[] all = [admin, Role("b", "admin", "pods"), Role("a", "admin", "services"), Role("c", "admin", "pods"), Role("d", "view", "secrets")];
        var rules = ClusterRoleAggregationController.Rules(admin, all)!;
        Assert.Equal(["services", "pods"], rules.Select(r => r.Resources.Single()));
        admin.Rules = rules;
        Assert.Null(ClusterRoleAggregationController.Rules(admin, all));
        Assert.Equal(["services"], ClusterRoleAggregationController.Rules(admin, [admin, all[2]])!.Select(r => r.Resources.Single()));
    }

    private static V1ClusterRole Role(string name, string to, string resource) => new()
    {
        Metadata = new V1ObjectMeta { Name = name, Labels = new Dictionary<string, string>(StringComparer.Ordinal) { ["to"] = to } },
        Rules = [new V1PolicyRule { ApiGroups = [""], Resources = [resource], Verbs = ["get"] }],
    };
}
