using System.Text.Json.Nodes;
using Kaji.Cel.Json;
using Kaji.Cel.Values;

namespace Kaji.Cel.Tests;

public sealed class JsonTests
{
    private static readonly CelType Port = CelType.Object("Port", Fields(("name", CelType.String), ("port", CelType.Int)));

    private static readonly CelType Self = CelType.Object("Self", Fields(
        ("foo-bar", CelType.Int),
        ("a.b", CelType.Int),
        ("namespace", CelType.String),
        ("x__y", CelType.Int),
        ("a/b", CelType.Int),
        ("at", CelType.Timestamp),
        ("day", CelType.Date),
        ("wait", CelType.Duration),
        ("data", CelType.Bytes),
        ("ratio", CelType.Double),
        ("percent", CelType.Dyn),
        ("tags", CelType.List(CelType.String).AsSet()),
        ("ports", CelType.List(Port).AsListMap("port")),
        ("plain", CelType.List(CelType.Int)),
        ("labels", CelType.Map(CelType.String, CelType.String)),
        ("gone", CelType.String),
        ("maybe", CelType.Object("Maybe", Fields(("x", CelType.Int))).AsNullable())));

    private static readonly JsonNode Json = JsonNode.Parse("""
        {"foo-bar": 1, "a.b": 2, "namespace": "ns", "x__y": 3, "a/b": 4, "at": "2023-01-02T03:04:05Z", "day": "2023-01-02", "wait": "1m30s", "data": "aGk=", "ratio": 2,
         "percent": "50%", "tags": ["a", "b"], "ports": [{"name": "http", "port": 80}, {"name": "tls", "port": 443}], "plain": [1, 2], "labels": {"k-1": "v"},
         "gone": null, "maybe": null, "unknown": 1}
        """)!;

    [Theory]
    [InlineData("self.foo__dash__bar == 1 && self.a__dot__b == 2 && self.__namespace__ == 'ns' && self.x__underscores__y == 3 && self.a__slash__b == 4")]
    [InlineData("self.at.getFullYear() == 2023 && self.day == timestamp('2023-01-02T00:00:00Z') && self.wait == duration('90s') && self.data == b'hi' && self.ratio == 2.0")]
    [InlineData("self.percent == '50%' && type(self.percent) == string")]
    [InlineData("has(self.tags) && !has(self.gone) && has(self.maybe) && self.maybe == null")]
    [InlineData("self.tags == ['b', 'a'] && ['b', 'a'] == self.tags && self.plain != [2, 1]")]
    [InlineData("self.tags + ['b', 'c'] == ['c', 'a', 'b'] && (self.tags + ['b']).size() == 2 && (self.plain + [1]).size() == 3")]
    [InlineData("self.ports.exists(p, p.port == 443 && p.name == 'tls') && self.ports.map(p, p.name) == ['http', 'tls']")]
    [InlineData("self.labels['k-1'] == 'v' && 'k-1' in self.labels && self.labels.all(k, k.startsWith('k')) && self.labels.size() == 1")]
    [InlineData("self.ports[0] == old.ports[1] && self.ports == old.ports && self.ports + old.ports == self.ports")]
    [InlineData("!has(self.?gone.x) || true")]
    [InlineData("self.?gone.orValue('none') == 'none' && self.?labels['k-1'].orValue('x') == 'v' && self.?labels['x'].orValue('none') == 'none'")]
    public void Object_IsSeenThroughItsSchema(string rule)
    {
        var old = JsonNode.Parse("""{"ports": [{"port": 443, "name": "tls"}, {"port": 80, "name": "http"}]}""");
        var environment = CelEnvironment.Kubernetes.WithVariable("self", Self).WithVariable("old", Self);
        if (rule.StartsWith("!has(self.?gone", StringComparison.Ordinal))
        {
            Cel.Refused("has(self.?gone.x)", 4, "type 'string' does not support field selection", environment);
            return;
        }

        var result = Cel.Run(rule, environment, new Dictionary<string, object?>(StringComparer.Ordinal) { ["self"] = CelJson.FromJson(Json, Self), ["old"] = CelJson.FromJson(old, Self) });
        Assert.Null(result.Error);
        Assert.Equal(true, result.Value);
    }

    [Fact]
    public void LargeSets_AreComparedQuickly()
    {
        var type = CelType.List(CelType.String).AsSet();
        var a = new JsonArray([.. Enumerable.Range(0, 50_000).Select(i => (JsonNode)$"item-{i}")]);
        var b = new JsonArray([.. Enumerable.Range(0, 50_000).Reverse().Select(i => (JsonNode)$"item-{i}")]);
        var environment = CelEnvironment.Kubernetes.WithVariable("a", type).WithVariable("b", type);
        var values = new Dictionary<string, object?>(StringComparer.Ordinal) { ["a"] = CelJson.FromJson(a, type), ["b"] = CelJson.FromJson(b, type) };
        Assert.Equal(true, Cel.Run("a == b && (a + b).size() == 50000", environment, values).Value);
    }

    [Fact]
    public void UntypedObjects_AreMaps()
    {
        var environment = CelEnvironment.Kubernetes.WithVariable("object", CelType.Dyn);
        var values = new Dictionary<string, object?>(StringComparer.Ordinal) { ["object"] = CelJson.FromJson(JsonNode.Parse("""{"metadata": {"namespace": "n", "labels": {"a": "b"}}, "spec": {"replicas": 3, "x": 1.5, "n": null}}""")) };
        foreach (var rule in new[] { "object.metadata.namespace == 'n'", "object.spec.replicas <= 3 && object.spec.x > 1", "'a' in object.metadata.labels", "!has(object.spec.y) && object.spec.n == null", "object.metadata.?labels['b'].orValue('c') == 'c'" })
        {
            Assert.Equal(true, Cel.Run(rule, environment, values).Value);
        }

        Assert.Equal("no such key: y", Cel.Run("object.spec.y == 1", environment, values).Error);
        Assert.Equal("no such attribute(s): object", Cel.Run("object == 1", environment).Error);
    }

    [Fact]
    public void Variables_MayHaveDots()
    {
        var environment = CelEnvironment.Kubernetes.WithVariable("authorizer", CelType.Named("Authorizer")).WithVariable("authorizer.requestResource", CelType.Int).WithContainer("a.b").WithVariable("a.x", CelType.Int);
        var values = new Dictionary<string, object?>(StringComparer.Ordinal) { ["authorizer.requestResource"] = 1L, ["a.x"] = (Func<object?>)(() => 2L) };
        Assert.Equal(3L, Cel.Run("authorizer.requestResource + x", environment, values).Value);
    }

    [Fact]
    public void References_AreTold()
    {
        var environment = CelEnvironment.Kubernetes.WithVariable("self", Self).WithVariable("oldSelf", CelType.Optional(Self)).WithVariable("unused", CelType.Int);
        var compilation = environment.Compile("oldSelf.?plain.optMap(p, p.size() <= self.plain.size()).orValue(true) && [1].all(unused, unused > 0)");
        Assert.Equal(["oldSelf", "self"], compilation.References.Order(StringComparer.Ordinal));
        var values = new Dictionary<string, object?>(StringComparer.Ordinal) { ["self"] = CelJson.FromJson(Json, Self), ["oldSelf"] = CelOptional.None };
        Assert.Equal(true, compilation.Program!.Evaluate(new CelBindings(values), cancellation: TestContext.Current.CancellationToken).Value);
    }

    [Theory]
    [InlineData("3 days", 259200)]
    [InlineData("2 weeks", 1209600)]
    [InlineData("5min", 300)]
    [InlineData("1h", 3600)]
    public void Durations_OfSchemas_MayBeWords(string text, long seconds) => Assert.Equal(new CelDuration(seconds * 1_000_000_000), CelJson.FromJson(JsonValue.Create(text), CelType.Duration));

    [Theory]
    [InlineData("foo-bar", "foo__dash__bar")]
    [InlineData("a.b/c", "a__dot__b__slash__c")]
    [InlineData("in", "__in__")]
    [InlineData("__x", "__underscores__x")]
    [InlineData("plain_name1", "plain_name1")]
    public void Names_AreEscapedAndBack(string name, string escaped)
    {
        Assert.True(CelEscaping.TryEscape(name, out var made));
        Assert.Equal(escaped, made);
        Assert.True(CelEscaping.TryUnescape(escaped, out var back));
        Assert.Equal(name, back);
    }

    [Fact]
    public void Names_ThatNoIdentifierCanSay_AreRefused()
    {
        Assert.False(CelEscaping.TryEscape("a b", out _));
        Assert.False(CelEscaping.TryEscape("1a", out _));
        Assert.False(CelEscaping.TryUnescape("__nothing__", out _));
    }

    [Fact]
    public void Values_BecomeJson()
    {
        var value = Cel.Run("{'a': dyn([dyn(1), 2.5, 'x', null, true]), 'b': duration('1m'), 'c': b'hi', 'd': timestamp('2023-01-02T03:04:05Z'), 'e': optional.of(1)}").Value;
        Assert.Equal("""{"a":[1,2.5,"x",null,true],"b":"60s","c":"aGk=","d":"2023-01-02T03:04:05Z","e":1}""", CelJson.ToJson(value)!.ToJsonString());
        Assert.False(CelJson.TryToJson(Cel.Run("ip('1.2.3.4')").Value, out _));
    }

    [Fact]
    public void ApplyConfigurations_AreConstructed()
    {
        var environment = CelEnvironment.Kubernetes.WithMutation();
        var compilation = environment.Compile("Object{metadata: Object.metadata{labels: {'a': 'b'}}, spec: Object.spec{replicas: 1, ?paused: optional.none(), template__dash__x: [Object.spec.template__dash__x{a: 1}]}}", CelMutation.ObjectType);
        Assert.True(compilation.Program is not null, compilation.ToString());
        var value = compilation.Program.Evaluate(CelBindings.Empty, cancellation: TestContext.Current.CancellationToken).Value;
        Assert.Null(CelMutation.CheckTypeNames(value));
        Assert.Equal("""{"metadata":{"labels":{"a":"b"}},"spec":{"replicas":1,"template-x":[{"a":1}]}}""", CelJson.ToJson(value)!.ToJsonString());

        var wrong = Cel.Run("Object{spec: Object.metadata{}}", environment).Value;
        Assert.Equal("unexpected type name \"Object.metadata\", expected \"Object.spec\", which matches field name path from root Object type", CelMutation.CheckTypeNames(wrong));
    }

    [Fact]
    public void JsonPatches_AreConstructed()
    {
        var compilation = CelEnvironment.Kubernetes.Compile("[JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('a/b'), value: 1}]", CelMutation.PatchListType);
        Assert.True(compilation.Program is not null, compilation.ToString());
        var value = compilation.Program.Evaluate(CelBindings.Empty, cancellation: TestContext.Current.CancellationToken).Value;
        Assert.Equal("""[{"op":"add","path":"/metadata/labels/a~1b","value":1}]""", CelJson.ToJson(value)!.ToJsonString());
        Cel.Refused("JSONPatch{op: 1}", 13, "expected type of field 'op' is 'string' but provided type is 'int'");
    }

    [Fact]
    public void HostLibraries_AddFunctionsAndTypes()
    {
        var decision = CelType.Named("kubernetes.authorization.Decision");
        var library = new CelLibrary("authz", [
            new CelOverload("check", "resourcecheck_check", true, [CelType.String, CelType.String], decision, a => new Decision(decision, (string)a[1]! == "get")) { Cost = Costs.CelCallCost.Fixed(350_000) },
            new CelOverload("allowed", "decision_allowed", true, [decision], CelType.Bool, a => ((Decision)a[0]!).Allowed)]);
        var environment = CelEnvironment.Kubernetes.WithLibraries(library);
        var result = Cel.Run("'pods'.check('get').allowed() && !'pods'.check('delete').allowed()", environment);
        Assert.Equal((true, 700_003UL), ((bool)result.Value!, result.Cost));
        Assert.True(Cel.Run("[1, 2, 3].all(x, 'pods'.check('get').allowed())", environment).IsCostLimitExceeded);
        Assert.Equal(350_001UL, environment.Compile("'pods'.check('get').allowed()").EstimatedCost.Max);
    }

    private static Dictionary<string, CelType> Fields(params (string Name, CelType Type)[] fields) => fields.ToDictionary(field => field.Name, field => field.Type, StringComparer.Ordinal);

    private sealed class Decision(CelType type, bool allowed) : ICelOpaque
    {
        public bool Allowed => allowed;

        public CelType CelType => type;

        public bool CelEquals(object? other) => other is Decision decision && decision.Allowed == allowed;
    }
}
