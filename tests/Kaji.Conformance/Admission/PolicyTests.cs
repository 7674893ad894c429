using System.Text.Json.Nodes;

namespace Kaji.Conformance.Admission;

/// <summary>Policies in CEL.</summary>
public sealed class PolicyTests(ConformanceCluster cluster)
{
    private const string Root = "/apis/admissionregistration.k8s.io/v1";
    private const string Validating = "[sig-api-machinery] ValidatingAdmissionPolicy [Privileged:ClusterAdmin] ";
    private const string Mutating = "[sig-api-machinery] MutatingAdmissionPolicy [Privileged:ClusterAdmin] ";
    private readonly Api _api = cluster.Admin;

    [Fact]
    [ConformanceRow(Validating + "should validate against a Deployment [Conformance]")]
    public async Task Validations_Deny()
    {
        var ns = await cluster.NamespaceAsync();
        await CreateAsync("Validating", ns, """ "validations":[{"expression":"object.spec.replicas > 1","messageExpression":"'wants replicas > 1, got ' + string(object.spec.replicas)"},{"expression":"object.spec.replicas < 100"}] """);
        await _api.UntilAsync($"{Root}/validatingadmissionpolicies/{ns}", a => a.Json["status"]?["typeChecking"] is not null);
        var answer = await DeniedAsync(ns, 1);
        answer.Refused(422, $"deployments.apps \"d1\" is forbidden: ValidatingAdmissionPolicy '{ns}' with binding '{ns}' denied request: wants replicas > 1, got 1");
        Assert.Equal("Invalid", answer.Reason);
        (await PostAsync(ns, 100)).Refused(422, $"ValidatingAdmissionPolicy '{ns}' with binding '{ns}' denied request: failed expression: object.spec.replicas < 100");
        (await PostAsync(ns, 2)).Ok(201);
    }

    [Fact]
    [ConformanceRow(Validating + "should allow expressions to refer variables. [Conformance]")]
    public async Task Variables_AreShared()
    {
        var ns = await cluster.NamespaceAsync();
        await CreateAsync("Validating", ns, """ "variables":[{"name":"replicas","expression":"object.spec.replicas"},{"name":"oddReplicas","expression":"variables.replicas % 2 == 1"}],"validations":[{"expression":"variables.replicas > 1"},{"expression":"variables.oddReplicas"}] """);
        (await DeniedAsync(ns, 1)).Refused(422, "failed expression: variables.replicas > 1");
        (await PostAsync(ns, 2)).Refused(422, "failed expression: variables.oddReplicas");
        (await PostAsync(ns, 3)).Ok(201);
    }

    [Fact]
    public async Task TypeChecking_Warns()
    {
        var ns = await cluster.NamespaceAsync();
        await CreateAsync("Validating", ns, """ "validations":[{"expression":"object.spec.replicas > '1'"}] """);
        var status = (await _api.UntilAsync($"{Root}/validatingadmissionpolicies/{ns}", a => a.Json["status"]?["typeChecking"]?["expressionWarnings"] is not null)).Json["status"]!;
        var warning = status["typeChecking"]!["expressionWarnings"]![0]!;
        Assert.Equal("spec.validations[0].expression", (string)warning["fieldRef"]!);
        Assert.Contains("apps/v1, Kind=Deployment: ERROR:", (string)warning["warning"]!, StringComparison.Ordinal);
        Assert.Equal(1, (int)status["observedGeneration"]!);
    }

    [Fact]
    public async Task Parameters_Warnings_AndAuthorizer()
    {
        var ns = await cluster.NamespaceAsync();
        await CreateAsync(
            "Validating", ns,
            """ "paramKind":{"apiVersion":"v1","kind":"ConfigMap"},"validations":[{"expression":"object.spec.replicas <= int(params.data.max)"},{"expression":"authorizer.group('').resource('secrets').namespace(namespaceObject.metadata.name).check('get').allowed() && request.userInfo.username != ''"}] """,
            """ "paramRef":{"name":"limits","parameterNotFoundAction":"Deny"},"validationActions":["Warn","Audit"] """);
        var ready = TimeProvider.System.GetUtcNow().AddSeconds(20);
        Answer answer;
        while ((answer = await PostAsync(ns, 5, "?dryRun=All")).Warnings.Count == 0 && answer.Code == 201)
        {
            Assert.True(TimeProvider.System.GetUtcNow() < ready);
        }

        answer.Refused(422, "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction");
        (await _api.PostAsync($"/api/v1/namespaces/{ns}/configmaps", WebhookTests.Map("limits", """{"max":"3"}"""))).Ok(201);
        var warned = (await PostAsync(ns, 5)).Ok(201);
        Assert.Contains(warned.Warnings, w => w.Contains($"Validation failed for ValidatingAdmissionPolicy '{ns}' with binding '{ns}': failed expression: object.spec.replicas <= int(params.data.max)", StringComparison.Ordinal));
        Assert.Empty((await PostAsync(ns, 2)).Ok(201).Warnings);
    }

    [Fact]
    public async Task Expressions_ThatDontCompile_AreRefused()
    {
        var refused = await _api.PostAsync($"{Root}/validatingadmissionpolicies", Policy("Validating", "bad", """ "validations":[{"expression":"object.x +"},{"expression":"1 + 1"}] """));
        refused.Refused(422, "spec.validations[0].expression: Invalid value: \"object.x +\": compilation failed: ERROR: <input>:1:");
        refused.Refused(422, "must evaluate to bool");
    }

    [Fact]
    [ConformanceRow(Mutating + "should mutate a Deployment [Conformance]")]
    public async Task ApplyConfiguration_ChangesReplicas()
    {
        var ns = await cluster.NamespaceAsync();
        await CreateAsync("Mutating", ns, """ "reinvocationPolicy":"Never","mutations":[{"patchType":"ApplyConfiguration","applyConfiguration":{"expression":"Object{spec: Object.spec{replicas: object.spec.replicas + 100, template: Object.spec.template{spec: Object.spec.template.spec{containers: [Object.spec.template.spec.containers{name: 'side', image: 'side'}]}}}}"}}] """);
        var made = await MutatedAsync(ns, a => (int)a.Json["spec"]!["replicas"]! == 102);
        Assert.Equal(["c", "side"], made["spec"]!["template"]!["spec"]!["containers"]!.AsArray().Select(c => (string)c!["name"]!).Order(StringComparer.Ordinal));
    }

    [Fact]
    [ConformanceRow(Mutating + "should mutate a Deployment with annotations [Conformance]")]
    public async Task JsonPatch_AddsAnnotations()
    {
        var ns = await cluster.NamespaceAsync();
        await CreateAsync("Mutating", ns, """ "reinvocationPolicy":"IfNeeded","mutations":[{"patchType":"JSONPatch","jsonPatch":{"expression":"[JSONPatch{op: 'add', path: '/metadata/annotations', value: {'my/note': 'hello'}}, JSONPatch{op: 'add', path: '/metadata/annotations/' + jsonpatch.escapeKey('other/note'), value: object.metadata.name}]"}}] """);
        var made = await MutatedAsync(ns, a => a.Json["metadata"]!["annotations"] is not null);
        Assert.Equal(("hello", (string)made["metadata"]!["name"]!), ((string)made["metadata"]!["annotations"]!["my/note"]!, (string)made["metadata"]!["annotations"]!["other/note"]!));
    }

    [Theory]
    [InlineData("validatingadmissionpolicies", "ValidatingAdmissionPolicy")]
    [InlineData("validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding")]
    [InlineData("mutatingadmissionpolicies", "MutatingAdmissionPolicy")]
    [InlineData("mutatingadmissionpolicybindings", "MutatingAdmissionPolicyBinding")]
    [ConformanceRow(Validating + "should support ValidatingAdmissionPolicy API operations [Conformance]")]
    [ConformanceRow(Validating + "should support ValidatingAdmissionPolicyBinding API operations [Conformance]")]
    [ConformanceRow(Mutating + "should support MutatingAdmissionPolicy API operations [Conformance]")]
    [ConformanceRow(Mutating + "should support MutatingAdmissionPolicyBinding API operations [Conformance]")]
    public async Task EveryVerb(string plural, string kind)
    {
        Assert.Contains((await _api.GetAsync(Root)).Ok().Json["resources"]!.AsArray(), r => (string)r!["name"]! == plural && (string)r["kind"]! == kind);
        var set = $"ops-{plural}-{Guid.NewGuid():N}"[..40];
        string Body(string name)
        {
            var mutating = kind.StartsWith("Mutating", StringComparison.Ordinal);
            var json = JsonNode.Parse(kind.EndsWith("Binding", StringComparison.Ordinal)
                ? $$"""{"spec":{"policyName":"none"{{(mutating ? "" : ",\"validationActions\":[\"Deny\"]")}} } }"""
                : Policy(mutating ? "Mutating" : "Validating", "x", mutating
                    ? """ "reinvocationPolicy":"Never","mutations":[{"patchType":"JSONPatch","jsonPatch":{"expression":"[]"}}] """ : """ "validations":[{"expression":"true"}] """))!;
            (json["apiVersion"], json["kind"]) = ("admissionregistration.k8s.io/v1", kind);
            json["metadata"] = new JsonObject { ["name"] = name, ["labels"] = new JsonObject { ["set"] = set } };
            return json.ToJsonString();
        }

        var path = $"{Root}/{plural}";
        await using var watch = await _api.WatchAsync($"{path}?labelSelector=set%3D{set}");
        foreach (var i in (string[])["a", "b", "c"])
        {
            (await _api.PostAsync(path, Body($"{set}-{i}"))).Ok(201);
            (string Type, JsonNode Object) next;
            do
            {
                // The status of those before may be written in between.
                next = await watch.NextAsync();
            }
            while (next.Type == "MODIFIED");
            Assert.Equal(("ADDED", $"{set}-{i}"), (next.Type, (string)next.Object["metadata"]!["name"]!));
        }

        Assert.Equal(3, (await _api.GetAsync($"{path}?labelSelector=set%3D{set}")).Ok().Json["items"]!.AsArray().Count);
        (await _api.PatchAsync($"{path}/{set}-a", """{"metadata":{"annotations":{"patched":"true"}}}""")).Ok();
        await UntilModifiedAsync(watch, o => (string?)o["metadata"]!["annotations"]?["patched"] == "true");
        var now = (await _api.GetAsync($"{path}/{set}-a")).Ok().Json;
        now["metadata"]!["annotations"]!["updated"] = "true";
        (await _api.PutAsync($"{path}/{set}-a", now.ToJsonString())).Ok();
        await UntilModifiedAsync(watch, o => (string?)o["metadata"]!["annotations"]?["updated"] == "true");
        if (plural == "validatingadmissionpolicies")
        {
            (await _api.PatchAsync($"{path}/{set}-a/status", """{"status":{"conditions":[{"type":"T","status":"True","reason":"R","message":"m","lastTransitionTime":"2024-01-01T00:00:00Z"}]}}""")).Ok();
            Assert.Equal("T", (string)(await _api.GetAsync($"{path}/{set}-a/status")).Ok().Json["status"]!["conditions"]![0]!["type"]!);
        }

        (await _api.DeleteAsync($"{path}/{set}-a")).Ok();
        (await _api.GetAsync($"{path}/{set}-a")).Refused(404);
        (await _api.DeleteAsync($"{path}?labelSelector=set%3D{set}")).Ok();
        Assert.Empty((await _api.GetAsync($"{path}?labelSelector=set%3D{set}")).Ok().Json["items"]!.AsArray());
    }

    private static async Task UntilModifiedAsync(Watch watch, Func<JsonNode, bool> holds)
    {
        while (true)
        {
            var (type, obj) = await watch.NextAsync();
            Assert.Equal("MODIFIED", type);
            if (holds(obj))
            {
                return;
            }
        }
    }

    private static string Policy(string kind, string name, string spec) => $$"""
        {"apiVersion":"admissionregistration.k8s.io/v1","kind":"{{kind}}AdmissionPolicy","metadata":{"name":"{{name}}"},"spec":{"matchConstraints":{"resourceRules":
          [{"apiGroups":["apps"],"apiVersions":["v1"],"operations":["CREATE","UPDATE"],"resources":["deployments"]}]},{{spec}} } }
        """;

    private async Task CreateAsync(string kind, string ns, string spec, string binding = "")
    {
        (await _api.PostAsync($"{Root}/{kind.ToLowerInvariant()}admissionpolicies", Policy(kind, ns, spec))).Ok(201);
        var more = binding.Length > 0 ? "," + binding : kind == "Validating" ? ",\"validationActions\":[\"Deny\"]" : "";
        (await _api.PostAsync($"{Root}/{kind.ToLowerInvariant()}admissionpolicybindings", Binding(kind, ns, ns, more))).Ok(201);
    }

    private static string Binding(string kind, string name, string ns, string more) => $$"""
        {"apiVersion":"admissionregistration.k8s.io/v1","kind":"{{kind}}AdmissionPolicyBinding","metadata":{"name":"{{name}}"},"spec":{"policyName":"{{ns}}",
          "matchResources":{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"{{ns}}"} } }{{more}} } }
        """;

    private Task<Answer> PostAsync(string ns, int replicas, string query = "") => _api.PostAsync($"/apis/apps/v1/namespaces/{ns}/deployments{query}", $$"""
        {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d{{replicas}}"},"spec":{"replicas":{{replicas}},"paused":true,"selector":{"matchLabels":{"a":"b"} },
          "template":{"metadata":{"labels":{"a":"b"} },"spec":{"schedulerName":"none","containers":[{"name":"c","image":"registry.invalid/x"}]} } } }
        """);

    /// <summary>The policy's refusal, once it is in force.</summary>
    private async Task<Answer> DeniedAsync(string ns, int replicas)
    {
        var end = TimeProvider.System.GetUtcNow().AddSeconds(20);
        Answer answer;
        while ((answer = await PostAsync(ns, replicas, "?dryRun=All")).Code == 201)
        {
            Assert.True(TimeProvider.System.GetUtcNow() < end, "the policy is not in force");
        }

        return answer;
    }

    private async Task<JsonNode> MutatedAsync(string ns, Func<Answer, bool> holds)
    {
        var end = TimeProvider.System.GetUtcNow().AddSeconds(20);
        Answer answer;
        while (!holds(answer = (await PostAsync(ns, 2, "?dryRun=All")).Ok(201)))
        {
            Assert.True(TimeProvider.System.GetUtcNow() < end, $"not mutated: {answer.Text}");
        }

        return (await PostAsync(ns, 2)).Ok(201).Json;
    }
}
