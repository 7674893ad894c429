using System.Text.Json.Nodes;

namespace Kaji.Api.Tests.Kinds;

/// <summary>Accepted objects, with what they are given.</summary>
public sealed class DefaultTests
{
    private const string Pod = """{"restartPolicy":"Never","containers":[{"name":"a","image":"i"}]}""";

    public static TheoryData<string, string, string, string> Cases => new()
    {
        { "Pod", """{"spec":{"containers":[{"name":"a","image":"i:1","resources":{"limits":{"cpu":"1"}},"livenessProbe":{"httpGet":{"port":1}}}]}}""", "spec.containers.0.livenessProbe", """{"httpGet":{"port":1,"path":"/","scheme":"HTTP"},"timeoutSeconds":1,"periodSeconds":10,"successThreshold":1,"failureThreshold":3}""" },
        { "Pod", """{"spec":{"containers":[{"name":"a","image":"i:1","resources":{"limits":{"cpu":"1"}}}]}}""", "spec.containers.0.resources.requests", """{"cpu":"1"}""" },
        { "Pod", """{"spec":{"containers":[{"name":"a","image":"i:1"}]}}""", "status", """{"phase":"Pending","qosClass":"BestEffort"}""" },
        { "Pod", """{"spec":{"containers":[{"name":"a","image":"h:5000/i"}]}}""", "spec.containers.0.imagePullPolicy", "\"Always\"" },
        { "Deployment", """{"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"a","image":"i"}]}}}}""", "spec.strategy", """{"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":"25%","maxSurge":"25%"}}""" },
        { "StatefulSet", """{"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"a","image":"i","volumeMounts":[{"name":"data","mountPath":"/d"}]}]}},"volumeClaimTemplates":[{"metadata":{"name":"data"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}]}}""", "spec.persistentVolumeClaimRetentionPolicy", """{"whenDeleted":"Retain","whenScaled":"Retain"}""" },
        { "DaemonSet", """{"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"a","image":"i"}]}}}}""", "spec.updateStrategy", """{"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":1,"maxSurge":0}}""" },
        { "Job", $$$$$$$$"""{"spec":{"template":{"spec":{{{{{{{{Pod}}}}}}}}}}}""", "spec.completions", "1" },
        { "Job", $$$$$$$$"""{"spec":{"parallelism":3,"template":{"spec":{{{{{{{{Pod}}}}}}}}}}}""", "spec.completions", "null" },
        { "Job", $$$$$$$$"""{"spec":{"completionMode":"Indexed","completions":2,"backoffLimitPerIndex":1,"template":{"spec":{{{{{{{{Pod}}}}}}}}}}}""", "spec.backoffLimit", "2147483647" },
        { "Job", $$$$$$$$"""{"spec":{"podFailurePolicy":{"rules":[{"action":"Ignore","onPodConditions":[{"type":"DisruptionTarget"}]}]},"template":{"spec":{{{{{{{{Pod}}}}}}}}}}}""", "spec.podReplacementPolicy", "\"Failed\"" },
        { "CronJob", $$$$$$$$"""{"spec":{"schedule":"*/5 0-6 1,15 jan mon-fri","jobTemplate":{"spec":{"template":{"spec":{{{{{{{{Pod}}}}}}}}}}}}}""", "spec.concurrencyPolicy", "\"Allow\"" },
        { "Service", """{"spec":{"ports":[{"port":80}]}}""", "spec", """{"ports":[{"port":80,"protocol":"TCP","targetPort":80}],"type":"ClusterIP","sessionAffinity":"None","internalTrafficPolicy":"Cluster"}""" },
        { "Service", """{"spec":{"type":"LoadBalancer","ports":[{"port":80}]}}""", "spec.allocateLoadBalancerNodePorts", "true" },
        { "NetworkPolicy", """{"spec":{"podSelector":{},"egress":[{"ports":[{"port":53}]}]}}""", "spec", """{"podSelector":{},"egress":[{"ports":[{"port":53,"protocol":"TCP"}]}],"policyTypes":["Ingress","Egress"]}""" },
        { "HorizontalPodAutoscaler", """{"spec":{"maxReplicas":2,"scaleTargetRef":{"kind":"Deployment","name":"d"}}}""", "spec.metrics", """[{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":80}}}]""" },
        { "HorizontalPodAutoscaler", """{"spec":{"maxReplicas":2,"scaleTargetRef":{"kind":"Deployment","name":"d"},"behavior":{"scaleDown":{"stabilizationWindowSeconds":60}}}}""", "spec.behavior.scaleDown", """{"stabilizationWindowSeconds":60,"selectPolicy":"Max","policies":[{"type":"Percent","value":100,"periodSeconds":15}]}""" },
        { "PersistentVolumeClaim", """{"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}},"dataSource":{"kind":"PersistentVolumeClaim","name":"p"}}}""", "spec.dataSourceRef", """{"kind":"PersistentVolumeClaim","name":"p"}""" },
        { "PersistentVolume", """{"spec":{"accessModes":["ReadWriteOnce"],"capacity":{"storage":"1Gi"},"hostPath":{"path":"/a"}}}""", "spec.persistentVolumeReclaimPolicy", "\"Retain\"" },
        { "StorageClass", """{"provisioner":"a.io/b"}""", "volumeBindingMode", "\"Immediate\"" },
        { "CSIDriver", "{}", "spec", """{"attachRequired":true,"podInfoOnMount":false,"storageCapacity":false,"fsGroupPolicy":"ReadWriteOnceWithFSType","requiresRepublish":false,"seLinuxMount":false,"volumeLifecycleModes":["Persistent"]}""" },
        { "RoleBinding", """{"roleRef":{"kind":"Role","name":"r"},"subjects":[{"kind":"User","name":"u"}]}""", "subjects.0.apiGroup", "\"rbac.authorization.k8s.io\"" },
        { "PriorityClass", "{}", "preemptionPolicy", "\"PreemptLowerPriority\"" },
        { "IngressClass", """{"spec":{"controller":"a.io/b","parameters":{"kind":"K","name":"n"}}}""", "spec.parameters.scope", "\"Cluster\"" },
        { "FlowSchema", """{"spec":{"priorityLevelConfiguration":{"name":"p"}}}""", "spec.matchingPrecedence", "1000" },
        { "PriorityLevelConfiguration", """{"spec":{"type":"Limited","limited":{"limitResponse":{"type":"Queue","queuing":{}}}}}""", "spec.limited.limitResponse.queuing", """{"queues":64,"handSize":8,"queueLengthLimit":50}""" },
        { "ResourceClaim", """{"spec":{"devices":{"requests":[{"name":"r","exactly":{"deviceClassName":"c"}}]}}}""", "spec.devices.requests.0.exactly", """{"deviceClassName":"c","allocationMode":"ExactCount","count":1}""" },
        { "EndpointSlice", """{"addressType":"IPv4","ports":[{"port":1}]}""", "ports.0", """{"port":1,"name":"","protocol":"TCP"}""" },
        { "Secret", """{"stringData":{"a":"b"}}""", "data", """{"a":"Yg=="}""" },
        { "PodDisruptionBudget", """{"spec":{"minAvailable":"50%"}}""", "status.disruptionsAllowed", "0" },
        { "Node", """{"spec":{"podCIDRs":["10.0.0.0/24"]}}""", "spec.podCIDR", "\"10.0.0.0/24\"" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Create_Accepted_HasItsDefaults(string kind, string json, string path, string expected)
    {
        var (obj, causes) = Kind.Create(kind, json);
        Assert.Empty(causes);
        JsonNode? at = obj;
        foreach (var step in path.Split('.'))
        {
            at = int.TryParse(step, out var index) ? at![index] : at![step];
        }

        Assert.Equal(expected, at?.ToJsonString() ?? "null");
    }

    public static TheoryData<string, string, string[]> Warned => new()
    {
        {
            "Pod", """{"metadata":{"name":"a.b","annotations":{"seccomp.security.alpha.kubernetes.io/pod":"x"}},"spec":{"nodeSelector":{"beta.kubernetes.io/os":"linux"},"terminationGracePeriodSeconds":-1,"imagePullSecrets":[{"name":"s"},{"name":"s"}],"hostAliases":[{"ip":"1.1.1.1"},{"ip":"1.1.1.1"}],"containers":[{"name":"a","image":"i","env":[{"name":"X","value":"1"},{"name":"X","value":"2"}],"ports":[{"name":"p","containerPort":1},{"name":"p","containerPort":1}],"resources":{"requests":{"memory":"1500m"}}}]}}""",
            [
                "spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use \"kubernetes.io/os\" instead",
                "metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: non-functional in v1.27+; use the \"seccompProfile\" field instead", "spec.hostAliases[1].ip: duplicate ip \"1.1.1.1\"",
                "spec.imagePullSecrets[1].name: duplicate name \"s\"", "spec.containers[0].resources.requests[memory]: fractional byte value \"1500m\" is invalid, must be an integer",
                "spec.containers[0].env[1]: hides previous definition of \"X\", which may be dropped when using apply", "spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]",
                "spec.containers[0].ports[1].name: duplicate port name \"p\" with spec.containers[0].ports[0].name, services and probes that select ports by name will use spec.containers[0].ports[0].name",
                "spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1",
                "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')]",
            ]
        },
        { "Deployment", """{"spec":{"template":{"spec":{"volumes":[{"name":"g","gitRepo":{"repository":"r"}}],"topologySpreadConstraints":[{"topologyKey":"failure-domain.beta.kubernetes.io/zone","labelSelector":{}}]}}}}""", ["spec.template.spec.topologySpreadConstraints[0].topologyKey: failure-domain.beta.kubernetes.io/zone is deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead", "spec.template.spec.volumes[0].gitRepo: deprecated in v1.11"] },
        { "Service", """{"spec":{"clusterIP":"None","sessionAffinity":"ClientIP","externalIPs":["1.1.1.1"]}}""", ["spec.externalIPs is ignored for headless services", "spec.SessionAffinity is ignored for headless services"] },
        { "Service", """{"spec":{"externalName":"x","trafficDistribution":"PreferClose"}}""", ["spec.externalName is ignored when spec.type is not \"ExternalName\"", "spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\""] },
        { "Ingress", """{"metadata":{"annotations":{"kubernetes.io/ingress.class":"nginx"}}}""", ["annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead"] },
        { "PersistentVolume", """{"spec":{"persistentVolumeReclaimPolicy":"Recycle"}}""", ["spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning."] },
        { "PersistentVolumeClaim", """{"spec":{"resources":{"requests":{"storage":"1500m"}}}}""", ["spec.resources.requests[storage]: fractional byte value \"1500m\" is invalid, must be an integer"] },
        { "Endpoints", "{}", ["v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"] },
    };

    [Theory]
    [MemberData(nameof(Warned))]
    public void Accepted_ButNotAsMeant_IsWarnedOf(string kind, string json, string[] warnings) => Assert.Equal(warnings, Kind.Warnings(kind, json));
}
