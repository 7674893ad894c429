using k8s;
using k8s.Models;

namespace Kaji.Clients;

/// <summary>An operator with everything operators have, in two instances.</summary>
[Collection("one cluster at a time")]
public sealed class OperatorTests(TestCluster cluster) : IClassFixture<TestCluster>
{
    private const string Definition =
        """
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {name: greetings.demo.kaji.dev}
        spec:
          group: demo.kaji.dev
          scope: Namespaced
          names: {plural: greetings, singular: greeting, kind: Greeting, listKind: GreetingList}
          versions:
          - name: v1
            served: true
            storage: true
            subresources: {status: {}}
            additionalPrinterColumns: [{name: Phase, type: string, jsonPath: .status.phase}]
            schema:
              openAPIV3Schema:
                type: object
                properties:
                  spec: {type: object, required: [name], properties: {name: {type: string, maxLength: 40}}}
                  status: {type: object, properties: {phase: {type: string}, by: {type: string}, observedGeneration: {type: integer, format: int64}}}
        """;

    [Fact]
    public async Task TwoInstances_OneLeads_TheOtherTakesOver()
    {
        var ns = await cluster.NamespaceAsync();
        await cluster.ApplyAsync(Definition);
        (await cluster.KubectlAsync("wait", "--for=condition=Established", "crd/greetings.demo.kaji.dev", "--timeout=10s")).Ok();
        await using var webhook = await GreetingWebhook.StartAsync();
        using var client = new Kubernetes(KubernetesClientConfiguration.BuildConfigFromConfigFile(cluster.Kubeconfig));
        await client.AdmissionregistrationV1.CreateValidatingWebhookConfigurationAsync(new V1ValidatingWebhookConfiguration
        {
            Metadata = new V1ObjectMeta { Name = "greetings" },
            Webhooks =
            [
                new V1ValidatingWebhook
                {
                    Name = "greetings.demo.kaji.dev", AdmissionReviewVersions = ["v1"], SideEffects = "None", FailurePolicy = "Fail",
                    ClientConfig = new Admissionregistrationv1WebhookClientConfig { Url = webhook.Url, CaBundle = webhook.CaBundle },
                    Rules = [new V1RuleWithOperations { Operations = ["CREATE", "UPDATE"], ApiGroups = [Greeting.Group], ApiVersions = ["v1"], Resources = ["greetings"] }],
                },
            ],
        });

        var first = new GreetingOperator(cluster.Kubeconfig, "first", ns);
        first.Start();
        await Eventually.HoldsAsync("the first leads", () => Task.FromResult(first.Leads));
        await using var second = new GreetingOperator(cluster.Kubeconfig, "second", ns);
        second.Start();

        await Eventually.HoldsAsync("the webhook is asked", async () => (await GreetAsync("none", "nobody")).Error.Contains("nobody is not greeted", StringComparison.Ordinal));
        var greeted = (await GreetAsync("world", "World")).Ok();
        Assert.Contains("seen by the greeting webhook", greeted.Error, StringComparison.Ordinal);
        await StatusAsync("world", "first", 1);
        Assert.Equal("Hello, World!", await TextAsync("world"));
        Assert.Matches(@"world +Ready", (await cluster.KubectlAsync("-n", ns, "get", "greetings")).Ok().Output);
        Assert.False(second.Leads);

        await first.DisposeAsync();
        await Eventually.HoldsAsync("the second leads", () => Task.FromResult(second.Leads));
        (await GreetAsync("world", "Again")).Ok();
        await StatusAsync("world", "second", 2);
        Assert.Equal("Hello, Again!", await TextAsync("world"));

        (await cluster.KubectlAsync("-n", ns, "delete", "greeting", "world", "--timeout=20s")).Ok();
        Assert.Contains("NotFound", (await cluster.KubectlAsync("-n", ns, "get", "configmap", "greeting-world")).Error, StringComparison.Ordinal);

        Task<Outcome> GreetAsync(string name, string whom) => Command.RunAsync(Path.Combine(TestCluster.Clients, "kubectl-1.35"), ["--kubeconfig", cluster.Kubeconfig, "apply", "-f", "-"],
            $$$"""{"apiVersion":"demo.kaji.dev/v1","kind":"Greeting","metadata":{"name":"{{{name}}}","namespace":"{{{ns}}}"},"spec":{"name":"{{{whom}}}"}}""", null);

        Task StatusAsync(string name, string by, int generation) => Eventually.HoldsAsync($"greeted by {by}", async () =>
            (await cluster.GetAsync("greeting", name, "-n", ns))["status"] is { } status && ((string?)status["by"], (int?)status["observedGeneration"]) == (by, generation));

        async Task<string?> TextAsync(string name) => (string?)(await cluster.GetAsync("configmap", $"greeting-{name}", "-n", ns))["data"]!["text"];
    }
}
