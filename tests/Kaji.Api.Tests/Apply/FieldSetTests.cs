using System.Text.Json.Nodes;
using Kaji.Api.Apply;

namespace Kaji.Api.Tests.Apply;

public sealed class FieldSetTests
{
    private const string Canonical = """{"f:metadata":{"f:labels":{".":{},"f:app":{},"f:b/c":{}}},"f:spec":{"f:list":{"k:{\"name\":\"a\"}":{".":{},"f:x":{}},"k:{\"port\":80,\"protocol\":\"TCP\"}":{},"k:{\"port\":443,\"protocol\":\"TCP\"}":{},"v:\"s\"":{},"i:2":{}}}}""";

    [Fact]
    public void Json_RoundTrip_IsCanonical() => Assert.Equal(Canonical, FieldSet.Parse(Objects.Json(Canonical))!.ToJson().ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));

    [Theory]
    [InlineData("""{"x:a":{}}""")]
    [InlineData("""{"f:a":1}""")]
    [InlineData("""{"k:nonsense":{}}""")]
    [InlineData("""{"i:-1":{}}""")]
    [InlineData("""{"plain":{}}""")]
    public void Parse_IllFormed_IsNull(string json) => Assert.Null(FieldSet.Parse(Objects.Json(json)));

    [Fact]
    public void Paths_Shown_AsKubernetesDoes()
    {
        var paths = FieldSet.Parse(Objects.Json(Canonical))!.Paths().Select(FieldSet.Show).ToArray();
        Assert.Contains(".metadata.labels.app", paths);
        Assert.Contains(".spec.list[name=\"a\"].x", paths);
        Assert.Contains(".spec.list[port=443,protocol=\"TCP\"]", paths);
        Assert.Contains(".spec.list[=\"s\"]", paths);
        Assert.Contains(".spec.list[2]", paths);
    }

    [Fact]
    public void Difference_KeepsWhatIsBelow_RecursiveDifferenceDoesNot()
    {
        var set = FieldSet.OfPaths(["f:a"], ["f:a", "f:b"], ["f:c"]);
        var a = FieldSet.OfPaths([(IReadOnlyList<string>)["f:a"]]);
        Assert.Equal(FieldSet.OfPaths(["f:a", "f:b"], ["f:c"]), set.Difference(a));
        Assert.Equal(FieldSet.OfPaths([(IReadOnlyList<string>)["f:c"]]), set.RecursiveDifference(a));
    }

    [Fact]
    public void Algebra_OfRandomSets_Holds()
    {
        for (var seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            var (a, b) = (Random(random), Random(random));
            var (inA, inB) = (Keys(a), Keys(b));
            Assert.Equal(inA.Union(inB).Order(), Keys(a.Union(b)).Order());
            Assert.Equal(inA.Intersect(inB).Order(), Keys(a.Intersection(b)).Order());
            Assert.Equal(inA.Except(inB).Order(), Keys(a.Difference(b)).Order());
            Assert.Equal(a, FieldSet.Parse(a.ToJson()));
            Assert.Equal(inA.Intersect(inB).Any(), a.Overlaps(b.ToJson()));
            Assert.Equal(!inA.Except(inB).Any(), a.IsWithin(b.ToJson()));
            Assert.Equal(a.ToJson().ToJsonString(), FieldSet.Parse(a.Union(a).ToJson())!.ToJson().ToJsonString());
        }
    }

    private static FieldSet Random(Random random) =>
        FieldSet.OfPaths(Enumerable.Range(0, random.Next(0, 8)).Select(_ => (IReadOnlyList<string>)[.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => Element(random))]));

    private static string Element(Random random) => random.Next(4) switch { 0 => "f:a", 1 => "f:b", 2 => """k:{"name":"x"}""", _ => "v:1" };

    private static string[] Keys(FieldSet set) => [.. set.Paths().Select(p => string.Join('/', p))];
}
