using System.Text.Json.Nodes;

namespace Kaji.Conformance.Admission;

/// <summary>Webhooks, served by the tests themselves.</summary>
public sealed class WebhookTests(ConformanceCluster cluster)
{
    private const string Root = "/apis/admissionregistration.k8s.io/v1";
    private const string Prefix = "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] ";
    private readonly Api _api = cluster.Admin;

    [Fact]
    [ConformanceRow(Prefix + "should include webhook resources in discovery documents [Conformance]")]
    public async Task Discovery_ListsWebhookConfigurations()
    {
        var groups = (await _api.GetAsync("/apis")).Ok().Json["groups"]!.AsArray();
        Assert.Contains(groups, g => (string)g!["name"]! == "admissionregistration.k8s.io" && g["versions"]!.AsArray().Any(v => (string)v!["groupVersion"]! == "admissionregistration.k8s.io/v1"));
        Assert.Equal("admissionregistration.k8s.io", (string)(await _api.GetAsync("/apis/admissionregistration.k8s.io")).Ok().Json["name"]!);
        var names = (await _api.GetAsync(Root)).Ok().Json["resources"]!.AsArray().Select(r => (string)r!["name"]!).ToArray();
        Assert.Contains("mutatingwebhookconfigurations", names);
        Assert.Contains("validatingwebhookconfigurations", names);
    }

    [Fact]
    [ConformanceRow(Prefix + "should be able to deny pod and configmap creation [Conformance]")]
    public async Task Validating_DeniesPodsAndMaps_AndTimesOut_AndSparesExcludedNamespaces()
    {
        var (ns, excluded) = (await cluster.NamespaceAsync(), await cluster.NamespaceAsync());
        var hang = new TaskCompletionSource<JsonObject>();
        await using var server = await WebhookServer.StartAsync(
            ("/pods", r => Task.FromResult((string)r["object"]!["metadata"]!["name"]! == "bad" ? WebhookServer.Deny("the pod contains unwanted container name") : WebhookServer.Allow)),
            ("/maps", r => Task.FromResult(r["object"]?["data"]?["bad"] is null ? WebhookServer.Allow : WebhookServer.Deny("the configmap contains unwanted key and value"))),
            ("/hang", r => (string)r["object"]!["metadata"]!["name"]! == "slow" ? hang.Task : Task.FromResult(WebhookServer.Allow)));
        await using var hooks = await ConfigureAsync(
            "validating", ns,
            Hook("deny-pods.k8s.io", server.ClientConfig("/pods"), Rule("pods", "CREATE")), Hook("deny-maps.k8s.io", server.ClientConfig("/maps"), Rule("configmaps", "CREATE", "UPDATE")),
            Hook("hang.k8s.io", server.ClientConfig("/hang"), Rule("pods", "CREATE"), """ "timeoutSeconds":1 """));

        (await _api.PostAsync($"/api/v1/namespaces/{ns}/pods", Pod("bad"))).Refused(400, "admission webhook \"deny-pods.k8s.io\" denied the request: the pod contains unwanted container name");
        (await _api.PostAsync($"/api/v1/namespaces/{ns}/pods", Pod("slow"))).Refused(500, "failed calling webhook \"hang.k8s.io\": failed to call webhook: Post \"https://127.0.0.1:");
        hang.SetResult(WebhookServer.Allow);
        (await _api.PostAsync($"/api/v1/namespaces/{ns}/configmaps", Map("m", """{"bad":"x"}"""))).Refused(400, "admission webhook \"deny-maps.k8s.io\" denied the request: the configmap contains unwanted key and value");
        (await _api.PostAsync($"/api/v1/namespaces/{ns}/configmaps", Map("m"))).Ok(201);
        (await _api.PutAsync($"/api/v1/namespaces/{ns}/configmaps/m", Map("m", """{"bad":"x"}"""))).Refused(400, "unwanted key");
        (await _api.PatchAsync($"/api/v1/namespaces/{ns}/configmaps/m", """{"data":{"bad":"x"}}""")).Refused(400, "unwanted key");
        (await _api.PostAsync($"/api/v1/namespaces/{excluded}/configmaps", Map("m", """{"bad":"x"}"""))).Ok(201);
    }

    [Fact]
    [ConformanceRow(Prefix + "should be able to deny attaching pod [Conformance]")]
    public async Task Validating_DeniesAttach()
    {
        var ns = await cluster.NamespaceAsync();
        await using var server = await WebhookServer.StartAsync(
            ("/", r => Task.FromResult((string)r["operation"]! == "CONNECT" && (string)r["kind"]!["kind"]! == "PodAttachOptions" ? WebhookServer.Deny("attaching to pod 'to-be-attached-pod' is not allowed") : WebhookServer.Allow)));
        await using var hooks = await ConfigureAsync("validating", ns, Hook("deny-attach.k8s.io", server.ClientConfig("/"), Rule("pods/attach", "CONNECT")));
        (await _api.PostAsync($"/api/v1/namespaces/{ns}/pods", Pod("to-be-attached-pod"))).Ok(201);
        (await _api.PostAsync($"/api/v1/namespaces/{ns}/pods/to-be-attached-pod/attach?stdin=true&container=c", "")).Refused(400, "admission webhook \"deny-attach.k8s.io\" denied the request: attaching to pod 'to-be-attached-pod' is not allowed");
        Assert.True(server.Requests.TryDequeue(out var asked));
        while ((string)asked!["name"]! != "to-be-attached-pod")
        {
            Assert.True(server.Requests.TryDequeue(out asked));
        }

        Assert.Equal(("attach", true, "c"), ((string)asked["subResource"]!, (bool)asked["object"]!["stdin"]!, (string)asked["object"]!["container"]!));
    }

    [Fact]
    [ConformanceRow(Prefix + "should unconditionally reject operations on fail closed webhook [Conformance]")]
    public async Task FailClosed_RejectsEverything()
    {
        var ns = await cluster.NamespaceAsync();
        await using var server = await WebhookServer.StartAsync(("/", _ => Task.FromResult(WebhookServer.Allow)));
        var config = JsonNode.Parse(server.ClientConfig("/"))!.AsObject();
        config.Remove("caBundle");
        await using var hooks = await ConfigureAsync("validating", ns, marker: false, Hook("fail-closed.k8s.io", config.ToJsonString(), Rule("configmaps", "CREATE")));
        var name = 0;
        var answer = await UntilAsync(() => _api.PostAsync($"/api/v1/namespaces/{ns}/configmaps", Map($"m{name++}")), a => a.Code == 500);
        answer.Refused(500, "Internal error occurred: failed calling webhook \"fail-closed.k8s.io\": failed to call webhook: Post \"https://127.0.0.1:");
        Assert.Equal("InternalError", answer.Reason);
        Assert.Contains("tls: failed to verify certificate: x509: certificate signed by unknown authority", answer.Message, StringComparison.Ordinal);
    }

    [Fact]
    [ConformanceRow(Prefix + "should mutate configmap [Conformance]")]
    public async Task Mutating_RunsInTurn()
    {
        var ns = await cluster.NamespaceAsync();
        await using var server = await WebhookServer.StartAsync(
            ("/", r => Task.FromResult(r["object"]!["data"]?["mutation-start"] is not null && r["object"]!["data"]!["mutation-stage-1"] is null ? WebhookServer.Patch("""[{"op":"add","path":"/data/mutation-stage-1","value":"yes"}]""")
                : r["object"]!["data"]?["mutation-stage-1"] is not null ? WebhookServer.Patch("""[{"op":"add","path":"/data/mutation-stage-2","value":"yes"}]""") : WebhookServer.Allow)));
        await using var hooks = await ConfigureAsync(
            "mutating", ns, Hook("stage-1.k8s.io", server.ClientConfig("/"), Rule("configmaps", "CREATE")), Hook("stage-2.k8s.io", server.ClientConfig("/"), Rule("configmaps", "CREATE")));
        var made = (await _api.PostAsync($"/api/v1/namespaces/{ns}/configmaps", Map("m", """{"mutation-start":"yes"}"""))).Ok(201).Json["data"]!.AsObject();
        Assert.Equal(["mutation-stage-1", "mutation-stage-2", "mutation-start"], made.Select(d => d.Key).Order(StringComparer.Ordinal));
        Assert.Equal(3, (await _api.GetAsync($"/api/v1/namespaces/{ns}/configmaps/m")).Ok().Json["data"]!.AsObject().Count);
    }

    [Fact]
    [ConformanceRow(Prefix + "should mutate pod and apply defaults after mutation [Conformance]")]
    public async Task Mutating_DefaultsWhatItAdds()
    {
        var ns = await cluster.NamespaceAsync();
        await using var server = await WebhookServer.StartAsync(
            ("/", r => Task.FromResult((string)r["object"]!["kind"]! == "Pod" ? WebhookServer.Patch("""[{"op":"add","path":"/spec/initContainers","value":[{"image":"webhook-added-image","name":"webhook-added-init-container","resources":{}}]}]""") : WebhookServer.Allow)));
        await using var hooks = await ConfigureAsync("mutating", ns, Hook("pods.k8s.io", server.ClientConfig("/"), Rule("pods", "CREATE")));
        var made = (await _api.PostAsync($"/api/v1/namespaces/{ns}/pods", Pod("p"))).Ok(201).Json["spec"]!["initContainers"]![0]!;
        Assert.Equal(("webhook-added-init-container", "File", "Always"), ((string)made["name"]!, (string)made["terminationMessagePolicy"]!, (string)made["imagePullPolicy"]!));
    }

    [Fact]
    [ConformanceRow(Prefix + "should not be able to mutate or prevent deletion of webhook configuration objects [Conformance]")]
    public async Task Configurations_AreNeverSubjectToWebhooks()
    {
        var ns = await cluster.NamespaceAsync();
        await using var server = await WebhookServer.StartAsync(("/", _ => Task.FromResult(WebhookServer.Deny("never"))), ("/mutate", _ => Task.FromResult(WebhookServer.Patch("""[{"op":"add","path":"/metadata/labels","value":{"a":"b"}}]"""))));
        var rule = """{"operations":["*"],"apiGroups":["admissionregistration.k8s.io"],"apiVersions":["*"],"resources":["*"]}""";
        await using var validating = await ConfigureAsync("validating", ns, Hook("config.k8s.io", server.ClientConfig("/"), rule));
        await using var mutating = await ConfigureAsync("mutating", ns, Hook("config.k8s.io", server.ClientConfig("/mutate"), rule));
        foreach (var kind in (string[])["Validating", "Mutating"])
        {
            var path = $"{Root}/{kind.ToLowerInvariant()}webhookconfigurations";
            var dummy = $$"""{"apiVersion":"admissionregistration.k8s.io/v1","kind":"{{kind}}WebhookConfiguration","metadata":{"name":"dummy-{{ns}}"} }""";
            var made = (await _api.PostAsync(path, dummy)).Ok(201);
            Assert.Null(made.Json["metadata"]!["labels"]);
            (await _api.DeleteAsync($"{path}/dummy-{ns}")).Ok();
        }
    }

    [Theory]
    [InlineData("validating")]
    [InlineData("mutating")]
    [ConformanceRow(Prefix + "listing validating webhooks should work [Conformance]")]
    [ConformanceRow(Prefix + "listing mutating webhooks should work [Conformance]")]
    public async Task Configurations_AreListed_AndGoneAfterDeleteCollection(string kind)
    {
        var ns = await cluster.NamespaceAsync();
        await using var server = await WebhookServer.StartAsync(("/", r => Task.FromResult(kind == "validating" ? WebhookServer.Deny("no") : WebhookServer.Patch("""[{"op":"add","path":"/data","value":{"mutated":"yes"}}]"""))));
        for (var i = 0; i < 10; i++)
        {
            (await _api.PostAsync($"{Root}/{kind}webhookconfigurations", Configuration(kind, $"list-{kind}-{ns}-{i}", ns, $"list-{ns}", Hook($"hook-{i}.k8s.io", server.ClientConfig("/"), Rule("configmaps", "CREATE"))))).Ok(201);
        }

        var selector = $"labelSelector=set%3Dlist-{ns}";
        Assert.Equal(10, (await _api.GetAsync($"{Root}/{kind}webhookconfigurations?{selector}")).Ok().Json["items"]!.AsArray().Count);
        var name = 0;
        Task<Answer> Create() => _api.PostAsync($"/api/v1/namespaces/{ns}/configmaps", Map($"m{name++}"));
        await UntilAsync(Create, a => kind == "validating" ? a.Code == 400 : (string?)a.Json["data"]?["mutated"] == "yes");
        (await _api.DeleteAsync($"{Root}/{kind}webhookconfigurations?{selector}")).Ok();
        await UntilAsync(Create, a => a.Code == 201 && a.Json["data"]?["mutated"] is null);
    }

    [Theory]
    [InlineData("validating")]
    [InlineData("mutating")]
    [ConformanceRow(Prefix + "patching/updating a validating webhook should work [Conformance]")]
    [ConformanceRow(Prefix + "patching/updating a mutating webhook should work [Conformance]")]
    public async Task Rules_ChangeAtOnce(string kind)
    {
        var ns = await cluster.NamespaceAsync();
        await using var server = await WebhookServer.StartAsync(("/", r => Task.FromResult(kind == "validating" ? WebhookServer.Deny("no") : WebhookServer.Patch("""[{"op":"add","path":"/data","value":{"mutated":"yes"}}]"""))));
        var path = $"{Root}/{kind}webhookconfigurations/update-{kind}-{ns}";
        var hook = Hook("hook.k8s.io", server.ClientConfig("/"), Rule("configmaps", "CREATE"));
        var made = (await _api.PostAsync($"{Root}/{kind}webhookconfigurations", Configuration(kind, $"update-{kind}-{ns}", ns, "update", hook))).Ok(201);
        var name = 0;
        bool Effective(Answer a) => kind == "validating" ? a.Code == 400 : (string?)a.Json["data"]?["mutated"] == "yes";
        Task<Answer> Create() => _api.PostAsync($"/api/v1/namespaces/{ns}/configmaps", Map($"m{name++}"));
        await UntilAsync(Create, Effective);
        var changed = made.Json;
        changed["webhooks"]![0]!["rules"]![0]!["operations"] = new JsonArray("UPDATE");
        (await _api.PutAsync(path, changed.ToJsonString())).Ok();
        await UntilAsync(Create, a => !Effective(a));
        (await _api.PatchAsync(path, """[{"op":"replace","path":"/webhooks/0/rules/0/operations","value":["CREATE"]}]""", "application/json-patch+json")).Ok();
        await UntilAsync(Create, Effective);
        (await _api.DeleteAsync(path)).Ok();
    }

    [Fact]
    [ConformanceRow(Prefix + "should honor timeout [Conformance]")]
    public async Task Timeouts_AndFailurePolicies_AreHonoured()
    {
        var ns = await cluster.NamespaceAsync();
        var answer = new TaskCompletionSource<JsonObject>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var server = await WebhookServer.StartAsync(("/always-allow-delay", _ => answer.Task));
        async Task<Answer> With(string more)
        {
            await using var hooks = await ConfigureAsync("validating", ns, Hook("slow.k8s.io", server.ClientConfig("/always-allow-delay"), Rule("configmaps", "CREATE"), more));
            return await _api.PostAsync($"/api/v1/namespaces/{ns}/configmaps", $$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"generateName":"m-"} }""");
        }

        var refused = (await With(""" "timeoutSeconds":1,"failurePolicy":"Fail" """)).Refused(500, "/always-allow-delay?timeout=1s");
        Assert.Contains("context deadline exceeded", refused.Message, StringComparison.Ordinal);
        (await With(""" "timeoutSeconds":1,"failurePolicy":"Ignore" """)).Ok(201);
        var waiting = With(""" "timeoutSeconds":10,"failurePolicy":"Fail" """);
        Assert.NotNull(server.Requests);
        answer.SetResult(WebhookServer.Allow);
        (await waiting).Ok(201);
        (await With("")).Ok(201);
    }

    [Theory]
    [InlineData("Validating")]
    [InlineData("Mutating")]
    [ConformanceRow(Prefix + "should be able to create and update validating webhook configurations with match conditions [Conformance]")]
    [ConformanceRow(Prefix + "should be able to create and update mutating webhook configurations with match conditions [Conformance]")]
    [ConformanceRow(Prefix + "should reject validating webhook configurations with invalid match conditions [Conformance]")]
    [ConformanceRow(Prefix + "should reject mutating webhook configurations with invalid match conditions [Conformance]")]
    public async Task MatchConditions_AreKept_OrRefused(string kind)
    {
        var ns = await cluster.NamespaceAsync();
        var path = $"{Root}/{kind.ToLowerInvariant()}webhookconfigurations";
        string With(string expression) => Configuration(
            kind.ToLowerInvariant(), $"conditions-{ns}", ns, "x",
            Hook("conditions.k8s.io", """{"url":"https://127.0.0.1:1/"}""", Rule("configmaps", "CREATE"), $$""" "matchConditions":[{"name":"expression-1","expression":"{{expression}}"}] """));
        (await _api.PostAsync(path, With("... [] bad expression"))).Refused(422, "compilation failed");
        var made = (await _api.PostAsync(path, With("object.metadata.namespace == 'production'"))).Ok(201).Json;
        Assert.Equal("expression-1", (string)made["webhooks"]![0]!["matchConditions"]![0]!["name"]!);
        made["webhooks"]![0]!["matchConditions"]!.AsArray().Add((JsonNode)new JsonObject { ["name"] = "expression-2", ["expression"] = "object.metadata.namespace == 'staging'" });
        var updated = (await _api.PutAsync($"{path}/conditions-{ns}", made.ToJsonString())).Ok().Json;
        Assert.Equal(2, updated["webhooks"]![0]!["matchConditions"]!.AsArray().Count);
        (await _api.DeleteAsync($"{path}/conditions-{ns}")).Ok();
    }

    [Fact]
    [ConformanceRow(Prefix + "should mutate everything except 'skip-me' configmaps [Conformance]")]
    public async Task MatchConditions_Exclude()
    {
        var ns = await cluster.NamespaceAsync();
        await using var server = await WebhookServer.StartAsync(("/", _ => Task.FromResult(WebhookServer.Patch("""[{"op":"add","path":"/data","value":{"mutated":"yes"}}]"""))));
        await using var hooks = await ConfigureAsync(
            "mutating", ns, Hook("skip.k8s.io", server.ClientConfig("/"), Rule("configmaps", "CREATE"), """ "matchConditions":[{"name":"skip-me","expression":"object.metadata.name != 'skip-me'"}] """));
        Assert.Null((await _api.PostAsync($"/api/v1/namespaces/{ns}/configmaps", Map("skip-me"))).Ok(201).Json["data"]);
        Assert.Equal("yes", (string?)(await _api.PostAsync($"/api/v1/namespaces/{ns}/configmaps", Map("other"))).Ok(201).Json["data"]?["mutated"]);
    }

    [Fact]
    public async Task Reviews_SayWhatIsAsked_WarningsAndDryRunsAreKept()
    {
        var ns = await cluster.NamespaceAsync();
        await using var server = await WebhookServer.StartAsync(("/", _ => Task.FromResult(new JsonObject { ["allowed"] = true, ["warnings"] = new JsonArray("mind the gap") })));
        await using var hooks = await ConfigureAsync("validating", ns, Hook("warn.k8s.io", server.ClientConfig("/"), Rule("configmaps", "*"), """ "sideEffects":"NoneOnDryRun" """));
        var made = (await _api.PostAsync($"/api/v1/namespaces/{ns}/configmaps?dryRun=All&fieldManager=me", Map("m"))).Ok(201);
        Assert.Contains(made.Warnings, w => w.Contains("mind the gap", StringComparison.Ordinal));
        (await _api.PostAsync($"/api/v1/namespaces/{ns}/configmaps", Map("m"))).Ok(201);
        (await _api.DeleteAsync($"/api/v1/namespaces/{ns}/configmaps/m")).Ok();
        var all = server.Requests.Where(r => (string)r["name"]! == "m").ToArray();
        Assert.Equal(("CREATE", true, "me"), ((string)all[0]["operation"]!, (bool)all[0]["dryRun"]!, (string)all[0]["options"]!["fieldManager"]!));
        Assert.Equal(("ConfigMap", "configmaps", "v1"), ((string)all[0]["kind"]!["kind"]!, (string)all[0]["resource"]!["resource"]!, (string)all[0]["requestKind"]!["version"]!));
        Assert.Equal("kubernetes-admin", (string)all[0]["userInfo"]!["username"]!);
        Assert.Equal(("DELETE", true, "m"), ((string)all[^1]["operation"]!, all[^1]["object"] is null, (string)all[^1]["oldObject"]!["metadata"]!["name"]!));
    }

    [Fact]
    public async Task Equivalent_ConvertsToTheVersionAskedFor_AndReinvokes()
    {
        var ns = await cluster.NamespaceAsync();
        var calls = 0;
        await using var server = await WebhookServer.StartAsync(
            ("/first", r =>
            {
                Interlocked.Increment(ref calls);
                return Task.FromResult(WebhookServer.Allow);
            }),
            ("/second", r => Task.FromResult(r["object"]!["reportingController"] is not null && (string)r["object"]!["apiVersion"]! == "events.k8s.io/v1"
                ? WebhookServer.Patch("""[{"op":"replace","path":"/note","value":"changed"}]""") : WebhookServer.Allow)));
        var rule = """{"operations":["CREATE"],"apiGroups":["events.k8s.io"],"apiVersions":["v1"],"resources":["events"]}""";
        await using var hooks = await ConfigureAsync(
            "mutating", ns, Hook("a.first.k8s.io", server.ClientConfig("/first"), rule, """ "reinvocationPolicy":"IfNeeded" """), Hook("b.second.k8s.io", server.ClientConfig("/second"), rule));
        var made = (await _api.PostAsync($"/api/v1/namespaces/{ns}/events", $$"""{"apiVersion":"v1","kind":"Event","metadata":{"name":"e"},"involvedObject":{"namespace":"{{ns}}","kind":"Pod","name":"p"},"message":"as sent","reportingComponent":"x.y/z","reason":"r","type":"Normal"}""")).Ok(201);
        Assert.Equal("changed", (string)made.Json["message"]!);
        Assert.Equal(2, calls);
    }

    [Fact]
    [ConformanceRow(Prefix + "should deny crd creation [Conformance]")]
    public async Task Validating_DeniesCustomResourceDefinitions()
    {
        var ns = await cluster.NamespaceAsync();
        await using var server = await WebhookServer.StartAsync(("/crd", _ => Task.FromResult(WebhookServer.Deny("the crd contains unwanted label"))));
        var configuration = JsonNode.Parse(Configuration("validating", $"crd-{ns}", ns, "crd", Hook("deny-crd.k8s.io", server.ClientConfig("/crd"), """{"operations":["CREATE"],"apiGroups":["apiextensions.k8s.io"],"apiVersions":["*"],"resources":["customresourcedefinitions"]}""")))!;
        configuration["webhooks"]![0]!["objectSelector"] = new JsonObject { ["matchLabels"] = new JsonObject { ["unwanted"] = ns } };
        (await _api.PostAsync($"{Root}/validatingwebhookconfigurations", configuration.ToJsonString())).Ok(201);
        var crd = $$"""
            {"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"things.{{ns}}.example.com","labels":{"unwanted":"{{ns}}"} },"spec":{"group":"{{ns}}.example.com","scope":"Namespaced",
              "names":{"plural":"things","singular":"thing","kind":"Thing","listKind":"ThingList"},"versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object"} } }]} }
            """;
        (await UntilAsync(() => _api.PostAsync("/apis/apiextensions.k8s.io/v1/customresourcedefinitions?dryRun=All", crd), a => a.Code == 400)).Refused(400, "admission webhook \"deny-crd.k8s.io\" denied the request: the crd contains unwanted label");
        (await _api.DeleteAsync($"{Root}/validatingwebhookconfigurations/crd-{ns}")).Ok();
    }

    [Fact]
    public async Task Services_AreCalledByTheirEndpoints()
    {
        (await _api.PostAsync("/api/v1/namespaces", """{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"hooks"}}""")).Ok(201);
        var ns = await cluster.NamespaceAsync();
        await using var server = await WebhookServer.StartAsync(("/deny", _ => Task.FromResult(new JsonObject { ["allowed"] = false })));
        var client = $$"""{"service":{"namespace":"hooks","name":"hook","path":"/deny","port":8443},"caBundle":"{{server.CaBundle}}"}""";
        await using var hooks = await ConfigureAsync("validating", ns, Hook("service.k8s.io", client, Rule("configmaps", "CREATE")));
        var maps = $"/api/v1/namespaces/{ns}/configmaps";
        (await _api.PostAsync(maps, Map("m"))).Refused(500, "failed calling webhook \"service.k8s.io\": failed to call webhook: Post \"https://hook.hooks.svc:8443/deny?timeout=10s\": service \"hook\" not found");
        (await _api.PostAsync("/api/v1/namespaces/hooks/services", """{"apiVersion":"v1","kind":"Service","metadata":{"name":"hook"},"spec":{"ports":[{"name":"https","port":8443}]}}""")).Ok(201);
        (await _api.PostAsync(maps, Map("m"))).Refused(500, "no endpoints available for service \"hook\"");
        var address = System.Net.NetworkInformation.NetworkInterface.GetAllNetworkInterfaces().SelectMany(i => i.GetIPProperties().UnicastAddresses)
            .Select(a => a.Address).First(a => a.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork && !System.Net.IPAddress.IsLoopback(a));
        (await _api.PostAsync("/apis/discovery.k8s.io/v1/namespaces/hooks/endpointslices", $$"""{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"hook","labels":{"kubernetes.io/service-name":"hook"} },"addressType":"IPv4","endpoints":[{"addresses":["{{address}}"]}],"ports":[{"name":"https","port":{{server.Port}} }]}""")).Ok(201);
        (await _api.PostAsync(maps, Map("m"))).Refused(400, "admission webhook \"service.k8s.io\" denied the request without explanation");
    }

    internal static string Rule(string resources, params string[] operations) =>
        $$"""{"operations":[{{string.Join(',', operations.Select(o => $"\"{o}\""))}}],"apiGroups":[""],"apiVersions":["v1"],"resources":["{{resources}}"]}""";

    internal static string Map(string name, string data = "null") => $$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"{{name}}"},"data":{{data}} }""";

    internal static string Pod(string name) =>
        $$"""{"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{name}}"},"spec":{"schedulerName":"none","containers":[{"name":"c","image":"registry.invalid/x"}]} }""";

    internal static string Hook(string name, string client, string rule, string more = "") =>
        $$"""{"name":"{{name}}","clientConfig":{{client}},"rules":[{{rule}}],"admissionReviewVersions":["v1","v1beta1"]{{(more.Contains("sideEffects", StringComparison.Ordinal) ? "" : ",\"sideEffects\":\"None\"")}}{{(more.Length > 0 ? "," + more : "")}} }""";

    /// <summary>Of one namespace only: other tests run at the same time.</summary>
    internal static string Configuration(string kind, string name, string ns, string set, params string[] hooks)
    {
        var configuration = JsonNode.Parse($$"""{"apiVersion":"admissionregistration.k8s.io/v1","kind":"{{(kind == "validating" ? "Validating" : "Mutating")}}WebhookConfiguration","metadata":{"name":"{{name}}","labels":{"set":"{{set}}"} },"webhooks":[{{string.Join(',', hooks)}}] }""")!;
        foreach (var hook in configuration["webhooks"]!.AsArray())
        {
            hook!["namespaceSelector"] = new JsonObject { ["matchLabels"] = new JsonObject { ["kubernetes.io/metadata.name"] = ns } };
        }

        return configuration.ToJsonString();
    }

    private Task<Configured> ConfigureAsync(string kind, string ns, params string[] hooks) => ConfigureAsync(kind, ns, marker: true, hooks);

    /// <summary>Registers webhooks and waits until they are in force, which a marker that is always denied tells.</summary>
    private async Task<Configured> ConfigureAsync(string kind, string ns, bool marker, params string[] hooks)
    {
        var path = $"{Root}/{kind}webhookconfigurations";
        var name = $"z-{kind}-{Guid.NewGuid():N}";
        if (marker)
        {
            // Endpoints are written by no test here, so this never gets in the way.
            hooks = [.. hooks, Hook("marker.k8s.io", """{"url":"https://127.0.0.1:1/"}""", Rule("endpoints", "CREATE"))];
        }

        (await _api.PostAsync(path, Configuration(kind, name, ns, "test", hooks))).Ok(201);
        if (marker)
        {
            await UntilAsync(() => _api.PostAsync($"/api/v1/namespaces/{ns}/endpoints?dryRun=All", """{"apiVersion":"v1","kind":"Endpoints","metadata":{"name":"marker"}}"""), a => a.Code == 500);
        }

        return new Configured(_api, $"{path}/{name}");
    }

    private static async Task<Answer> UntilAsync(Func<Task<Answer>> ask, Func<Answer, bool> holds)
    {
        var end = TimeProvider.System.GetUtcNow().AddSeconds(20);
        while (true)
        {
            var answer = await ask();
            if (holds(answer))
            {
                return answer;
            }

            Assert.True(TimeProvider.System.GetUtcNow() < end, $"what was awaited did not come; last: {answer.Code} {answer.Text}");
            await Task.Delay(20); // poll interval of a condition
        }
    }

    private sealed class Configured(Api api, string path) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync() => await api.DeleteAsync(path);
    }
}
