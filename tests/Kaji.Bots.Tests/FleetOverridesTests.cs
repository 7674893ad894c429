using System.Text.Json;
using System.Text.Json.Nodes;
using k8s.Models;
using Kaji.Bots.Api;
using Kaji.Bots.Operator;

namespace Kaji.Bots.Tests;

/// <summary>What <c>kaji deploy</c> and <c>kaji rollback</c> write into a fleet for one of its bots.</summary>
public sealed class FleetOverridesTests
{
    [Fact]
    public void SecondDeploy_KeepsWhatTheFirstHasSet()
    {
        var once = Deployed(Fleet(), """{"parameters":{"values":{"a":"1"}}}""");
        var twice = Deployed(once, """{"parameters":{"values":{"b":"2"}},"handover":{"strategy":"Warm"}}""");

        Assert.Equal("""{"parameters":{"values":{"a":"1","b":"2"}},"handover":{"strategy":"Warm"}}""", Own(twice.Spec));
    }

    [Fact]
    public void Rollback_TakesOneDeployBack_AndTheLastOneLeavesNoOverride()
    {
        var fleet = Fleet();
        var first = Deployed(fleet, """{"parameters":{"values":{"a":"1"}}}""");
        var second = Deployed(first, """{"parameters":{"values":{"a":"2","b":"2"}},"template":{"spec":{"containers":[{"name":"bot","image":"two"}]}}}""");

        var back = first with { Spec = FleetOverrides.Back(second, Bot(second), Version(first)) };
        Assert.Equal(SpecOf(first), SpecOf(back));

        var plain = FleetOverrides.Back(back, Bot(back), Version(fleet));
        Assert.Empty(plain.Overrides!);
    }

    [Fact]
    public void Rollback_BehindTheTemplate_HoldsOnlyWhatDiffers()
    {
        var before = Fleet();
        var after = Fleet(image: "new");

        var back = FleetOverrides.Back(after, Bot(after), Version(before));

        Assert.Equal("""{"template":{"spec":{"containers":[{"name":"bot","image":"old"}]}}}""", Own(back));
    }

    private static BotFleet Fleet(string image = "old") => new()
    {
        Metadata = new V1ObjectMeta { Name = "f", NamespaceProperty = "ns" },
        Spec = JsonSerializer.Deserialize("""{"name":"$(s)","matrix":[{"name":"s","values":["x","y"]}],"template":{"parameters":{"values":{"base":"0"}},"template":{"spec":{"containers":[{"name":"bot","image":"IMAGE"}]}}}}""".Replace("IMAGE", image, StringComparison.Ordinal), BotJson.Default.FleetSpec)!,
    };

    private static BotFleet Deployed(BotFleet fleet, string change) => fleet with { Spec = FleetOverrides.With(fleet.Spec, "x", (JsonObject)JsonNode.Parse(change)!) };

    private static BotSpec Member(BotFleet fleet) => FleetPlan.Of(fleet).Members.Single(m => m.Name == "x").Spec;

    private static Bot Bot(BotFleet fleet) => new() { Metadata = new V1ObjectMeta { Name = "x", NamespaceProperty = "ns" }, Spec = Member(fleet) };

    private static BotRevision Version(BotFleet fleet) => new() { Data = Member(fleet) };

    private static string SpecOf(BotFleet fleet) => JsonSerializer.Serialize(Member(fleet), BotJson.Default.BotSpec);

    private static string Own(FleetSpec fleet) => fleet.Overrides!.Single(o => o.Bot == "x").Spec!.ToJsonString();
}
