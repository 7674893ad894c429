namespace Kaji.Conformance.Machinery;

/// <summary>Rows about <c>fieldValidation=Strict</c> of built-in kinds.</summary>
public sealed class FieldValidationTests(ConformanceCluster cluster)
{
    [Fact]
    [ConformanceRow("[sig-api-machinery] FieldValidation should detect unknown and duplicate fields of a typed object [Conformance]")]
    public async Task UnknownAndDuplicate_AreEachNamed()
    {
        var deployments = $"/apis/apps/v1/namespaces/{await cluster.NamespaceAsync()}/deployments";
        const string Body =
            """
            {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d","labels":{"app":"nginx"}},"spec":{"unknown1":"val1","unknownDupe":"valDupe","unknownDupe":"valDupe2","paused":true,"paused":false,
             "selector":{"matchLabels":{"app":"nginx"}},"template":{"metadata":{"labels":{"app":"nginx"}},"spec":{"containers":[{"name":"nginx","image":"nginx:latest","unknownNested":"val1",
             "imagePullPolicy":"Always","imagePullPolicy":"Never"}]}}}}
            """;
        var answer = await cluster.Admin.PostAsync($"{deployments}?fieldValidation=Strict", Body);
        answer.Refused(400, "strict decoding error: ");
        foreach (var part in (string[])["unknown field \"spec.unknown1\"", "unknown field \"spec.unknownDupe\"", "duplicate field \"spec.paused\"", "unknown field \"spec.template.spec.containers[0].unknownNested\"", "duplicate field \"spec.template.spec.containers[0].imagePullPolicy\""])
        {
            answer.Refused(400, part);
        }

        var warned = (await cluster.Admin.PostAsync($"{deployments}?fieldValidation=Warn&dryRun=All", Body)).Ok(201);
        Assert.Contains(warned.Warnings, w => w.Contains("unknown field", StringComparison.Ordinal));
        Assert.Empty((await cluster.Admin.PostAsync($"{deployments}?fieldValidation=Ignore&dryRun=All", Body)).Ok(201).Warnings);
    }

    [Fact]
    [ConformanceRow("[sig-api-machinery] FieldValidation should detect unknown metadata fields of a typed object [Conformance]")]
    public async Task UnknownMetadata_IsNamed()
    {
        var deployments = $"/apis/apps/v1/namespaces/{await cluster.NamespaceAsync()}/deployments";
        (await cluster.Admin.PostAsync(
            $"{deployments}?fieldValidation=Strict",
            """
            {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d","unknownMeta":"x","labels":{"app":"a"}},"spec":{"selector":{"matchLabels":{"app":"a"}},
             "template":{"metadata":{"labels":{"app":"a"},"unknownTemplateMeta":"y"},"spec":{"containers":[{"name":"c","image":"i"}]}}}}
            """)).Refused(400, "unknown field \"metadata.unknownMeta\"").Refused(400, "unknown field \"spec.template.metadata.unknownTemplateMeta\"");
    }
}
