using System.Text.Json.Nodes;
using static Kaji.ApiServer.Tests.CustomResources.CustomServer;

namespace Kaji.ApiServer.Tests.CustomResources;

/// <summary>What schemas and rules refuse, and in which words.</summary>
public sealed class ValidationTests
{
    [Theory]
    [InlineData("""{"type":"integer","maximum":10}""", "11", "spec.x: Invalid value: 11: spec.x in body should be less than or equal to 10")]
    [InlineData("""{"type":"integer","minimum":2,"exclusiveMinimum":true}""", "2", "spec.x: Invalid value: 2: spec.x in body should be greater than 2")]
    [InlineData("""{"type":"integer"}""", "\"a\"", "spec.x: Invalid value: \"string\": spec.x in body must be of type integer: \"string\"")]
    [InlineData("""{"type":"integer","multipleOf":3}""", "4", "spec.x: Invalid value: 4: spec.x in body should be a multiple of 3")]
    [InlineData("""{"type":"string","enum":["a","b"]}""", "\"c\"", "spec.x: Unsupported value: \"c\": supported values: \"a\", \"b\"")]
    [InlineData("""{"type":"string","pattern":"^a+$"}""", "\"b\"", "spec.x: Invalid value: \"b\": spec.x in body should match '^a+$'")]
    [InlineData("""{"type":"string","minLength":2}""", "\"b\"", "spec.x: Invalid value: \"b\": spec.x in body should be at least 2 chars long")]
    [InlineData("""{"type":"string","maxLength":2}""", "\"bcd\"", "spec.x: Too long: may not be more than 2 bytes")]
    [InlineData("""{"type":"string","format":"date-time"}""", "\"soon\"", "spec.x: Invalid value: \"soon\": spec.x in body must be of type date-time: \"soon\"")]
    [InlineData("""{"type":"string","format":"ipv4"}""", "\"1.2.3\"", "must be of type ipv4")]
    [InlineData("""{"type":"array","maxItems":1,"items":{"type":"string"} }""", """["a","b"]""", "spec.x: Too many: 2: must have at most 1 items")]
    [InlineData("""{"type":"array","minItems":1,"items":{"type":"string"} }""", "[]", "spec.x: Invalid value: 0: spec.x in body should have at least 1 items")]
    [InlineData("""{"type":"array","x-kubernetes-list-type":"set","items":{"type":"string"} }""", """["a","b","a"]""", "spec.x[2]: Duplicate value: \"a\"")]
    [InlineData("""{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["n"],"items":{"type":"object","required":["n"],"properties":{"n":{"type":"string"},"v":{"type":"integer"} } } }""", """[{"n":"a","v":1},{"n":"a","v":2}]""", "spec.x[1]: Duplicate value: {\"n\":\"a\"}")]
    [InlineData("""{"type":"array","items":{"type":"object","required":["n"],"properties":{"n":{"type":"string"} } } }""", "[{}]", "spec.x[0].n: Required value")]
    [InlineData("""{"type":"object","additionalProperties":{"type":"integer"} }""", """{"k":"v"}""", "spec.x.k: Invalid value: \"string\": spec.x.k in body must be of type integer: \"string\"")]
    [InlineData("""{"x-kubernetes-int-or-string":true}""", "true", "spec.x: Invalid value: \"boolean\": spec.x in body must be of type integer,string: \"boolean\"")]
    [InlineData("""{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"} },"oneOf":[{"required":["a"]},{"required":["b"]}]}""", """{"a":1,"b":2}""", "<nil>: Invalid value: \"\": \"spec.x\" must validate one and only one schema (oneOf). Found 2 valid alternatives")]
    [InlineData("""{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"} },"anyOf":[{"required":["a"]},{"required":["b"]}]}""", "{}", "\"spec.x\" must validate at least one schema (anyOf)")]
    [InlineData("""{"type":"integer","not":{"enum":[3]} }""", "3", "\"spec.x\" must not validate the schema (not)")]
    [InlineData("""{"type":"object","x-kubernetes-embedded-resource":true,"x-kubernetes-preserve-unknown-fields":true}""", """{"kind":"Pod"}""", "spec.x.apiVersion: Required value: must not be empty")]
    public async Task Objects_AreRefused_InKubernetesWords(string schema, string value, string sentence)
    {
        await using var server = await StartAsync();
        await server.DefineAsync($$"""{"type":"object","properties":{"x":{{schema}} } }""");
        (await server.PostAsync(Things(), Thing("a", $$""" "spec":{"x":{{value}}} """))).Says(422, sentence);
    }

    [Theory]
    [InlineData("self.min <= self.max", "", "spec: Invalid value: \"object\": failed rule: self.min <= self.max")]
    [InlineData("self.min <= self.max", """ "message":"min is above max","reason":"FieldValueForbidden","fieldPath":".min", """, "spec.min: Forbidden: min is above max")]
    [InlineData("self.min <= self.max", """ "messageExpression":"'%d > %d'.format([self.min, self.max])", """, "spec: Invalid value: \"object\": 5 > 3")]
    [InlineData("self.min / (self.max - 3) > 0", "", "spec: Invalid value: \"object\": division by zero evaluating rule: self.min / (self.max - 3) > 0")]
    public async Task Rules_Refuse(string rule, string more, string sentence)
    {
        await using var server = await StartAsync();
        await server.DefineAsync($$"""{"type":"object","properties":{"min":{"type":"integer"},"max":{"type":"integer"} },"x-kubernetes-validations":[{ {{more}}"rule":"{{rule}}"}]}""");
        (await server.PostAsync(Things(), Thing("a", """ "spec":{"min":5,"max":3} """))).Says(422, sentence);
        (await server.PostAsync(Things(), Thing("b", """ "spec":{"min":5,"max":8} """))).Is(201);
    }

    [Fact]
    public async Task TransitionRules_CompareWithWhatWas()
    {
        await using var server = await StartAsync();
        await server.DefineAsync("""{"type":"object","properties":{"id":{"type":"string","x-kubernetes-validations":[{"rule":"self == oldSelf","message":"id is immutable"}]},"n":{"type":"integer","x-kubernetes-validations":[{"rule":"!oldSelf.hasValue() || self >= oldSelf.value()","optionalOldSelf":true,"message":"only grows"}]} } }""");
        (await server.PostAsync(Things(), Thing("a", """ "spec":{"id":"x","n":3} """))).Is(201);
        (await server.PatchAsync($"{Things()}/a", """{"spec":{"id":"y"}}""")).Says(422, "spec.id: Invalid value: \"string\": id is immutable");
        (await server.PatchAsync($"{Things()}/a", """{"spec":{"n":2}}""")).Says(422, "spec.n: Invalid value: \"integer\": only grows");
        (await server.PatchAsync($"{Things()}/a", """{"spec":{"n":4}}""")).Is(200);
    }

    [Fact]
    public async Task Updates_MayLeaveWhatBecameInvalid()
    {
        await using var server = await StartAsync();
        await server.DefineAsync("""{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"} } }""");
        (await server.PostAsync(Things(), Thing("a", """ "spec":{"a":"long","b":"x"} """))).Is(201);
        (await server.PatchAsync($"{Crds}/things.example.com", """[{"op":"add","path":"/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/a/maxLength","value":2}]""", "application/json-patch+json")).Is(200);
        (await server.PatchAsync($"{Things()}/a", """{"spec":{"b":"y"}}""")).Is(200);
        (await server.PatchAsync($"{Things()}/a", """{"spec":{"a":"other"}}""")).Says(422, "spec.a: Too long");
    }

    [Theory]
    [InlineData("""{"type":"object","properties":{"x":{"type":"string","x-kubernetes-validations":[{"rule":"self.foo == 1"}]} } }""", "spec.validation.openAPIV3Schema.properties[spec].properties[x].x-kubernetes-validations[0].rule: Invalid value: \"self.foo == 1\": compilation failed: ERROR:")]
    [InlineData("""{"type":"object","properties":{"x":{"type":"array","items":{"type":"string","x-kubernetes-validations":[{"rule":"self.contains('a')"}]} } } }""", "x-kubernetes-validations[0].rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)")]
    [InlineData("""{"type":"object","properties":{"x":{"type":"array","items":{"type":"integer","x-kubernetes-validations":[{"rule":"self == oldSelf"}]} } } }""", "oldSelf cannot be used on the uncorrelatable portion of the schema within spec.validation.openAPIV3Schema.properties[spec].properties[x].items")]
    [InlineData("""{"type":"object","properties":{"x":{"description":"no type"} } }""", "spec.validation.openAPIV3Schema.properties[spec].properties[x].type: Required value: must not be empty for specified object fields")]
    [InlineData("""{"type":"object","properties":{"x":{"type":"string","default":3} } }""", "properties[x].default: Invalid value: \"integer\"")]
    [InlineData("""{"type":"object","properties":{"x":{"type":"array"} } }""", "properties[x].items: Required value: must be specified")]
    [InlineData("""{"type":"object","anyOf":[{"required":["y"],"properties":{"y":{"minimum":1} } }]}""", "properties[y]: Required value: because it is defined in spec.validation.openAPIV3Schema.properties[spec].anyOf[0].properties[y]")]
    [InlineData("""{"type":"object","properties":{"x":{"type":"string","pattern":"(?=a)"} } }""", "properties[x].pattern: Invalid value: \"(?=a)\": must be a valid regular expression")]
    public async Task Schemas_ThatAreNotStructural_AreRefused(string schema, string sentence)
    {
        await using var server = await StartAsync();
        (await server.PostAsync(Crds, Crd($$"""[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","properties":{"spec":{{schema}} } } } }]"""))).Says(422, sentence);
    }

    [Fact]
    public async Task Definitions_AreValidated()
    {
        const string Schema = """ "schema":{"openAPIV3Schema":{"type":"object"}} """;
        await using var server = await StartAsync();
        var wrong = JsonNode.Parse(Crd($$"""[{"name":"v1","served":true,"storage":true,{{Schema}}},{"name":"v2","served":true,"storage":true,{{Schema}}}]"""))!;
        wrong["metadata"]!["name"] = "other.example.com";
        wrong["spec"]!["scope"] = "Planet";
        var refusal = await server.PostAsync(Crds, wrong.ToJsonString());
        refusal.Says(422, "metadata.name: Invalid value: \"other.example.com\": must be spec.names.plural+\".\"+spec.group");
        refusal.Says(422, "spec.scope: Unsupported value: \"Planet\": supported values: \"Cluster\", \"Namespaced\"");
        refusal.Says(422, "must have exactly one version marked as storage version");
        (await server.PostAsync(Crds, Crd($$"""[{"name":"v1","served":true,"storage":true,{{Schema}}}]""", group: "x.k8s.io"))).Says(422, "metadata.annotations[api-approved.kubernetes.io]: Required value");

        await server.CreateAsync(Crd($$"""[{"name":"v1","served":true,"storage":true,{{Schema}}}]"""));
        (await server.PatchAsync($"{Crds}/things.example.com", """{"spec":{"scope":"Cluster"}}""")).Says(422, "spec.scope: Invalid value: \"Cluster\": field is immutable");
        var renamed = JsonNode.Parse("""[{"op":"replace","path":"/spec/versions/0/name","value":"v2"}]""")!;
        (await server.PatchAsync($"{Crds}/things.example.com", renamed.ToJsonString(), "application/json-patch+json")).Says(422, "status.storedVersions[0]: Invalid value: \"v1\": missing from spec.versions");
    }

    [Fact]
    public async Task Names_BelongToTheFirst()
    {
        const string Versions = """[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object"}}}]""";
        await using var server = await StartAsync();
        await server.CreateAsync(Crd(Versions));
        (await server.PostAsync(Crds, Crd(Versions, plural: "thongs", kind: "Thing"))).Is(201);
        var second = (await server.UntilAsync($"{Crds}/thongs.example.com", r => Condition(r.Body, "NamesAccepted") == "False")).Body;
        Assert.Equal("False", Condition(second, "Established"));
        Assert.Contains(second["status"]!["conditions"]!.AsArray(), c => (string)c!["reason"]! == "ListKindConflict" && (string)c["message"]! == "\"ThingList\" is already in use");
        (await server.GetAsync("/apis/example.com/v1/namespaces/n/thongs")).Is(404);

        // With the first gone its names are free.
        await server.DeleteAsync($"{Crds}/things.example.com");
        await server.UntilAsync($"{Crds}/thongs.example.com", r => Condition(r.Body, "Established") == "True");
        (await server.GetAsync("/apis/example.com/v1/namespaces/n/thongs")).Is(200);
    }

    [Fact]
    public async Task Definitions_WaitForTheirObjectsFinalizers()
    {
        await using var server = await StartAsync();
        await server.DefineAsync("""{"type":"object","x-kubernetes-preserve-unknown-fields":true}""");
        var made = JsonNode.Parse(Thing("a", """ "spec":{} """))!;
        made["metadata"]!["finalizers"] = new JsonArray("example.com/wait");
        (await server.PostAsync(Things(), made.ToJsonString())).Is(201);
        await server.DeleteAsync($"{Crds}/things.example.com");
        await server.UntilAsync($"{Things()}/a", r => r.Body["metadata"]!["deletionTimestamp"] is not null);
        (await server.PostAsync(Things(), Thing("b", """ "spec":{} """))).Is(405);
        Assert.Equal("True", Condition((await server.GetAsync($"{Crds}/things.example.com")).Is(200).Body, "Terminating"));
        (await server.PatchAsync($"{Things()}/a", """{"metadata":{"finalizers":null}}""")).Is(200);
        await server.UntilAsync($"{Crds}/things.example.com", r => r.Code == 404);
    }
}
