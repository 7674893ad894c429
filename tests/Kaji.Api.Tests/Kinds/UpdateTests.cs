namespace Kaji.Api.Tests.Kinds;

/// <summary>Changes that Kubernetes refuses, and those it takes.</summary>
public sealed class UpdateTests
{
    private const string Template = """{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"a","image":"i"}]}}""";
    private const string JobTemplate = """{"spec":{"restartPolicy":"Never","containers":[{"name":"a","image":"i"}]}}""";
    private const string Claim = """{"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}""";

    public static TheoryData<string, string, string, string[]> Cases => new()
    {
        { "Deployment", Workload("b"), """{"spec":{"selector":{"matchLabels":{"x":"y"}},"template":{"spec":{}}}}""", ["""Invalid spec.selector: Invalid value: {"matchLabels":{"x":"y"}}: field is immutable"""] },
        { "DaemonSet", Workload("b"), """{"spec":{"selector":{"matchLabels":{"x":"y"}}}}""", ["""Invalid spec.selector: Invalid value: {"matchLabels":{"x":"y"}}: field is immutable"""] },
        { "ReplicaSet", Workload("b"), """{"spec":{"selector":{"matchLabels":{"x":"y"}}}}""", ["""Invalid spec.selector: Invalid value: {"matchLabels":{"x":"y"}}: field is immutable"""] },
        {
            "StatefulSet", Workload("b"), """{"spec":{"serviceName":"other","selector":{"matchLabels":{"a":"b"}}}}""",
            ["Forbidden spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"]
        },
        { "StatefulSet", Workload("b"), """{"spec":{"replicas":3,"minReadySeconds":1,"selector":{"matchLabels":{"a":"b"}}}}""", [] },
        { "ConfigMap", """{"immutable":true,"data":{"a":"1"}}""", """{"immutable":true,"data":{"a":"2"}}""", ["Forbidden data: Forbidden: field is immutable when `immutable` is set"] },
        { "Secret", """{"type":"a"}""", """{"type":"b"}""", ["Invalid type: Invalid value: \"b\": field is immutable"] },
        { "Service", """{"spec":{"clusterIP":"10.0.0.1","clusterIPs":["10.0.0.1"],"ports":[{"port":1}]}}""", """{"spec":{"clusterIP":"10.0.0.2","clusterIPs":["10.0.0.2"],"ports":[{"port":1}]}}""", ["Invalid spec.clusterIPs[0]: Invalid value: [\"10.0.0.2\"]: may not change once set"] },
        { "PersistentVolumeClaim", Claim, """{"spec":{"accessModes":["ReadOnlyMany"],"resources":{"requests":{"storage":"1Gi"}}}}""", ["Forbidden spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"] },
        { "PersistentVolumeClaim", Claim, """{"spec":{"volumeName":"v","volumeAttributesClassName":"fast","accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}""", [] },
        { "PersistentVolume", Volume("/a"), Volume("/b"), ["Forbidden spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation"] },
        { "StorageClass", """{"provisioner":"a.io/b"}""", """{"provisioner":"a.io/c","reclaimPolicy":"Retain"}""", ["Forbidden provisioner: Forbidden: updates to provisioner are forbidden.", "Forbidden reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden."] },
        { "VolumeAttributesClass", """{"driverName":"a.io","parameters":{"a":"b"}}""", """{"driverName":"a.io","parameters":{"a":"c"}}""", ["Forbidden parameters: Forbidden: updates to parameters are forbidden."] },
        { "CSIDriver", "{}", """{"spec":{"attachRequired":false}}""", ["Invalid spec.attachRequired: Invalid value: false: field is immutable"] },
        { "PriorityClass", """{"value":1}""", """{"value":2}""", ["Forbidden value: Forbidden: may not be changed in an update."] },
        { "RuntimeClass", """{"handler":"a"}""", """{"handler":"b"}""", ["Invalid handler: Invalid value: \"b\": field is immutable"] },
        { "IngressClass", """{"spec":{"controller":"a.io/x"}}""", """{"spec":{"controller":"a.io/y"}}""", ["Invalid spec.controller: Invalid value: \"a.io/y\": field is immutable"] },
        { "RoleBinding", """{"roleRef":{"kind":"Role","name":"a"}}""", """{"roleRef":{"kind":"Role","name":"b"}}""", ["""Invalid roleRef: Invalid value: {"kind":"Role","name":"b","apiGroup":"rbac.authorization.k8s.io"}: cannot change roleRef"""] },
        { "EndpointSlice", """{"addressType":"IPv4"}""", """{"addressType":"IPv6"}""", ["Invalid addressType: Invalid value: \"IPv6\": field is immutable"] },
        { "ControllerRevision", """{"data":{"a":1},"revision":1}""", """{"data":{"a":2},"revision":1}""", ["""Invalid data: Invalid value: {"a":2}: field is immutable"""] },
        { "ResourceQuota", """{"spec":{"hard":{"pods":"1"},"scopes":["BestEffort"]}}""", """{"spec":{"hard":{"pods":"1"}}}""", ["Invalid spec.scopes: Invalid value: \"null\": field is immutable"] },
        { "ServiceCIDR", """{"spec":{"cidrs":["10.0.0.0/8"]}}""", """{"spec":{"cidrs":["11.0.0.0/8"]}}""", ["Invalid spec.cidrs[0]: Invalid value: \"11.0.0.0/8\": field is immutable"] },
        { "Node", """{"spec":{"providerID":"x"}}""", """{"spec":{"providerID":"y"}}""", ["Forbidden spec.providerID: Forbidden: node updates may not change providerID except from \"\" to valid"] },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Update_IsJudged_ByWhatWasThere(string kind, string before, string after, string[] causes) => Assert.Equal(causes, Kind.Update(kind, before, after));

    [Fact]
    public void Job_OnceMade_KeepsItsTemplate()
    {
        var causes = Kind.Update("Job", $$$$$$$$"""{"spec":{"template":{{{{{{{{JobTemplate}}}}}}}}}}""", $$$$$$$$"""{"spec":{"completions":2,"template":{{{{{{{{JobTemplate.Replace("\"i\"", "\"j\"", StringComparison.Ordinal)}}}}}}}}}}""");
        Assert.Contains("Invalid spec.completions: Invalid value: 2: field is immutable", causes);
        Assert.Contains(causes, c => c.StartsWith("Invalid spec.template: ", StringComparison.Ordinal) && c.EndsWith("field is immutable", StringComparison.Ordinal));
    }

    private static string Workload(string value) => $$$$$$$$"""{"spec":{"selector":{"matchLabels":{"a":"{{{{{{{{value}}}}}}}}"}},"template":{{{{{{{{Template}}}}}}}}}}""";

    private static string Volume(string path) => $$$$$$$$"""{"spec":{"accessModes":["ReadWriteOnce"],"capacity":{"storage":"1Gi"},"hostPath":{"path":"{{{{{{{{path}}}}}}}}"}}}""";
}
