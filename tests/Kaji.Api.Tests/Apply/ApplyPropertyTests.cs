using System.Text.Json.Nodes;
using Kaji.Api.Apply;
using static Kaji.Api.Tests.Apply.Objects;

namespace Kaji.Api.Tests.Apply;

/// <summary>What holds for any configurations.</summary>
public sealed class ApplyPropertyTests
{
    private const int Cases = 300;

    [Fact]
    public void Apply_Twice_IsAsOnce()
    {
        for (var seed = 0; seed < Cases; seed++)
        {
            var random = new Random(seed);
            var live = Apply(Created(RandomObjects.Deployment(random), Deployment, "creator", "apps/v1"), RandomObjects.Deployment(random), "a");
            var again = Apply(live, RandomObjectsOf(seed), "a");
            Alike(live, again);
        }

        static JsonObject RandomObjectsOf(int seed)
        {
            var random = new Random(seed);
            RandomObjects.Deployment(random);
            return RandomObjects.Deployment(random);
        }
    }

    [Fact]
    public void Apply_LeavesItsWishInTheObject()
    {
        for (var seed = 0; seed < Cases; seed++)
        {
            var random = new Random(seed);
            var live = Apply(Apply(null, RandomObjects.Deployment(random), "a"), RandomObjects.Deployment(random), "b");
            var wish = RandomObjects.Deployment(random);
            var next = Apply(live, wish, "a");

            // Putting the wish over the result again finds nothing to do.
            var changes = Comparison.Of(Plain(next), Plain(Apply(next, wish, "a")), Deployment, ResetFields.None);
            Assert.True(changes.IsSame, $"seed {seed}: {changes.Added.ToJson().ToJsonString()} {changes.Modified.ToJson().ToJsonString()} {changes.Removed.ToJson().ToJsonString()} {Plain(live).ToJsonString()} + {wish.ToJsonString()} = {Plain(next).ToJsonString()}");
            var missing = FieldSets.OfConfiguration(wish, Deployment).Difference(FieldSets.Of(next, Deployment).EnsureNamedFieldsAreMembers(Deployment));
            Assert.True(missing.IsEmpty, $"seed {seed}: {missing.ToJson().ToJsonString()}");
        }
    }

    [Fact]
    public void Appliers_OfDisjointFields_Commute()
    {
        for (var seed = 0; seed < Cases; seed++)
        {
            var random = new Random(seed);
            var (a, b) = (RandomObjects.Deployment(random, 1), RandomObjects.Deployment(random, 2));
            var ab = FieldManager.Apply(Apply(null, a, "a"), b, Deployment, By("b", "apps/v1"), force: false);
            var ba = FieldManager.Apply(Apply(null, b, "b"), a, Deployment, By("a", "apps/v1"), force: false);
            Alike(Unordered(ab.Object), Unordered(ba.Object));
        }
    }

    [Fact]
    public void Applier_ThatDropsAll_TakesOnlyWhatNobodyElseOwns()
    {
        for (var seed = 0; seed < Cases; seed++)
        {
            var random = new Random(seed);
            var live = Apply(Apply(null, RandomObjects.Deployment(random), "a"), RandomObjects.Deployment(random), "b");
            var owned = FieldSet.Parse(Fields(live, "b") ?? [])!;
            var next = Apply(live, Deploy("{}"), "a");
            var there = FieldSets.Of(next, Deployment).EnsureNamedFieldsAreMembers(Deployment);
            Assert.True(owned.Difference(there).IsEmpty, $"seed {seed}: {owned.Difference(there).ToJson().ToJsonString()}");
            Alike(Fields(live, "b"), Fields(next, "b"));

            // And when the other drops all too, nothing is left.
            var last = Apply(next, Deploy("{}"), "b");
            Assert.True(Tracked(last).IsEmpty, $"seed {seed}: {last.ToJsonString()}");
        }
    }

    [Fact]
    public void Owners_OfAnUpdatedField_AreOne()
    {
        for (var seed = 0; seed < Cases; seed++)
        {
            var random = new Random(seed);
            var live = Apply(Apply(null, RandomObjects.Deployment(random), "a"), RandomObjects.Deployment(random), "b");
            var next = Updated(live, RandomObjects.Deployment(random), Deployment, By("u", "apps/v1"));
            var changed = Comparison.Of(live, next, Deployment, ResetFields.None).Changed;
            foreach (var manager in Managers(next).Where(m => m != "u"))
            {
                Assert.True(FieldSet.Parse(Fields(next, manager)!)!.Intersection(changed).IsEmpty, $"seed {seed}");
            }

            Assert.True(changed.Difference(FieldSet.Parse(Fields(next, "u") ?? [])!).IsEmpty, $"seed {seed}");
        }
    }

    private static JsonObject Apply(JsonObject? live, JsonObject wish, string manager) => Applied(live, wish, Deployment, manager, force: true, apiVersion: "apps/v1");

    private static FieldSet Tracked(JsonObject obj) => Comparison.Of(null, obj, Deployment, ResetFields.None).Changed;

    private static JsonObject Plain(JsonObject obj)
    {
        var copy = (JsonObject)obj.DeepClone();
        copy["metadata"]!.AsObject().Remove("managedFields");
        return copy;
    }

    /// <summary>Lists that are maps or sets, sorted: which item stands first is not what commutes.</summary>
    private static JsonNode? Unordered(JsonNode? node) => node switch
    {
        JsonObject obj => new JsonObject(obj.Select(p => KeyValuePair.Create(p.Key, Unordered(p.Value)))),
        JsonArray list => new JsonArray([.. list.Select(Unordered).OrderBy(n => n?.ToJsonString(), StringComparer.Ordinal)]),
        _ => node?.DeepClone(),
    };
}
