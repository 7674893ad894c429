namespace Kaji.Api.Tests.Kinds;

/// <summary>Objects that Kubernetes refuses, with its causes: reason, field and words.</summary>
public sealed class RejectedTests
{
    private const string Pod = """{"containers":[{"name":"a","image":"i"}]}""";
    private const string Label = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

    public static TheoryData<string, string, string[]> Cases => new()
    {
        { "Pod", """{"spec":{}}""", ["Required spec.containers: Required value"] },
        {
            "Pod", """{"spec":{"containers":[{"name":"A","image":" i"},{"name":"b"}],"restartPolicy":"Sometimes"}}""",
            [
                $"Invalid spec.containers[0].name: Invalid value: \"A\": {Label}", "Invalid spec.containers[0].image: Invalid value: \" i\": must not have leading or trailing whitespace",
                "Required spec.containers[1].image: Required value", "NotSupported spec.restartPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"OnFailure\", \"Never\"",
            ]
        },
        {
            "Pod", """{"spec":{"containers":[{"name":"a","image":"i","ports":[{"containerPort":0},{"containerPort":70000,"name":"-x"}],"env":[{"name":""},{"name":"B","valueFrom":{}}],"volumeMounts":[{"name":"v","mountPath":"/v"}]}]}}""",
            [
                "Required spec.containers[0].ports[0].containerPort: Required value", "Invalid spec.containers[0].ports[1].name: Invalid value: \"-x\": must not begin or end with a hyphen",
                "Invalid spec.containers[0].ports[1].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive", "Required spec.containers[0].env[0].name: Required value",
                "Invalid spec.containers[0].env[1].valueFrom: Invalid value: \"\": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`",
                "NotFound spec.containers[0].volumeMounts[0].name: Not found: \"v\"",
            ]
        },
        {
            "Pod", """{"spec":{"containers":[{"name":"a","image":"i","livenessProbe":{"httpGet":{"port":"web-"},"tcpSocket":{"port":1},"successThreshold":2},"readinessProbe":{}}]}}""",
            [
                "Invalid spec.containers[0].livenessProbe.httpGet.port: Invalid value: \"web-\": must not begin or end with a hyphen",
                "Forbidden spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type", "Invalid spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1",
                "Required spec.containers[0].readinessProbe: Required value: must specify a handler type",
            ]
        },
        {
            "Pod", """{"spec":{"containers":[{"name":"a","image":"i","resources":{"requests":{"cpu":"2","example.com/gpu":"1"},"limits":{"cpu":"1","disk":"1"}}}]}}""",
            [
                "Invalid spec.containers[0].resources.limits[disk]: Invalid value: \"disk\": must be a standard resource for containers",
                "Invalid spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1",
                "Required spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources",
                "Invalid spec.containers[0].resources.requests[disk]: Invalid value: \"disk\": must be a standard resource for containers",
            ]
        },
        {
            "Pod", """{"spec":{"containers":[{"name":"a","image":"i"}],"volumes":[{"name":"x","hostPath":{"path":"/../etc"}},{"name":"x","secret":{},"configMap":{"name":"m"}},{"name":"t","projected":{"sources":[{"serviceAccountToken":{"path":"token","expirationSeconds":5}}]}}]}}""",
            [
                "Invalid spec.volumes[0].hostPath.path: Invalid value: \"/../etc\": must not contain '..'", "Duplicate spec.volumes[1].name: Duplicate value: \"x\"",
                "Required spec.volumes[1].secret.secretName: Required value", "Forbidden spec.volumes[1].configMap: Forbidden: may not specify more than 1 volume type",
                "Invalid spec.volumes[2].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes",
            ]
        },
        {
            "Pod", """{"spec":{"containers":[{"name":"a","image":"i"}],"tolerations":[{"operator":"Equal"},{"key":"k","operator":"Exists","effect":"Never","tolerationSeconds":1}],"topologySpreadConstraints":[{"maxSkew":0,"whenUnsatisfiable":"Maybe"}]}}""",
            [
                "Invalid spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than 0", "Required spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty",
                "NotSupported spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: \"Maybe\": supported values: \"DoNotSchedule\", \"ScheduleAnyway\"",
                "Invalid spec.tolerations[0].operator: Invalid value: \"Equal\": operator must be Exists when `key` is empty, which means \"match all values and all keys\"",
                "Invalid spec.tolerations[1].effect: Invalid value: \"Never\": effect must be 'NoExecute' when `tolerationSeconds` is set",
                "NotSupported spec.tolerations[1].effect: Unsupported value: \"Never\": supported values: \"NoSchedule\", \"PreferNoSchedule\", \"NoExecute\"",
            ]
        },
        {
            "Pod", """{"spec":{"hostUsers":false,"hostPID":true,"shareProcessNamespace":true,"dnsPolicy":"None","securityContext":{"runAsUser":-1,"seccompProfile":{"type":"Localhost"}},"containers":[{"name":"a","image":"i","securityContext":{"allowPrivilegeEscalation":false,"privileged":true}}]}}""",
            [
                "Invalid spec.containers[0].securityContext: Invalid value: {\"allowPrivilegeEscalation\":false,\"privileged\":true}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true",
                "Invalid spec.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled", "Forbidden spec.hostPID: Forbidden: when `hostUsers` is false",
                "Invalid spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive",
                "Required spec.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost", "Required spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None",
            ]
        },
        {
            "Deployment", $$$$$$$$"""{"spec":{"replicas":-1,"selector":{"matchLabels":{"a":"b"}},"strategy":{"type":"Recreate","rollingUpdate":{"maxSurge":1}},"template":{"metadata":{"labels":{"a":"c"}},"spec":{{{{{{{{Pod}}}}}}}}}}}""",
            [
                "Invalid spec.replicas: Invalid value: -1: must be greater than or equal to 0", "Invalid spec.template.metadata.labels: Invalid value: {\"a\":\"c\"}: `selector` does not match template `labels`",
                "Forbidden spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
            ]
        },
        { "ReplicaSet", $$$$$$$$"""{"spec":{"template":{"spec":{{{{{{{{Pod}}}}}}}}}}}""", ["Required spec.selector: Required value"] },
        {
            "StatefulSet", $$$$$$$$"""{"spec":{"podManagementPolicy":"Random","selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"restartPolicy":"Never"}}}}""",
            [
                "Invalid spec.podManagementPolicy: Invalid value: \"Random\": must be 'OrderedReady' or 'Parallel'",
                "NotSupported spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\"",
            ]
        },
        {
            "DaemonSet", $$$$$$$$"""{"spec":{"selector":{"matchLabels":{"a":"b"}},"updateStrategy":{"rollingUpdate":{"maxUnavailable":0,"maxSurge":0}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{{{{{{{{Pod}}}}}}}}}}}""",
            ["Required spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0"]
        },
        { "ReplicationController", """{"spec":{"replicas":1}}""", ["Required spec.selector: Required value", "Required spec.template: Required value"] },
        {
            "Job", $$$$$$$$"""{"spec":{"completionMode":"Indexed","parallelism":200000,"template":{"spec":{{{{{{{{Pod}}}}}}}}}}}""",
            [
                "Required spec.completions: Required value: when completion mode is Indexed", "Invalid spec.parallelism: Invalid value: 200000: must be less than or equal to 100000 when completion mode is Indexed",
                "Required spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\"",
            ]
        },
        {
            "CronJob", """{"metadata":{"name":"a23456789012345678901234567890123456789012345678901234"},"spec":{"schedule":"1 2","timeZone":"Nowhere/X","concurrencyPolicy":"Queue","jobTemplate":{"spec":{"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"a","image":"i"}]}}}}}}""",
            [
                "Invalid spec.schedule: Invalid value: \"1 2\": expected exactly 5 fields, found 2: [1 2]", "Invalid spec.timeZone: Invalid value: \"Nowhere/X\": unknown time zone Nowhere/X",
                "NotSupported spec.concurrencyPolicy: Unsupported value: \"Queue\": supported values: \"Allow\", \"Forbid\", \"Replace\"",
                "Invalid metadata.name: Invalid value: \"a23456789012345678901234567890123456789012345678901234\": must be no more than 52 characters",
            ]
        },
        { "CronJob", """{"spec":{"schedule":"61 * * * *","jobTemplate":{"spec":{"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"a","image":"i"}]}}}}}}""", ["Invalid spec.schedule: Invalid value: \"61 * * * *\": end of range (61) above maximum (59): 61"] },
        {
            "Service", """{"spec":{"type":"ClusterIP","ports":[{"port":80,"nodePort":30000},{"port":80}],"sessionAffinity":"Often"}}""",
            [
                "Required spec.ports[0].name: Required value", "Forbidden spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'", "Required spec.ports[1].name: Required value",
                "Duplicate spec.ports[1]: Duplicate value: {\"port\":80,\"protocol\":\"TCP\"}", "NotSupported spec.sessionAffinity: Unsupported value: \"Often\": supported values: \"ClientIP\", \"None\"",
            ]
        },
        { "Service", """{"spec":{"type":"ExternalName"}}""", ["Required spec.externalName: Required value"] },
        {
            "Ingress", """{"spec":{"rules":[{"host":"1.2.3.4","http":{"paths":[{"path":"x","pathType":"Prefix","backend":{"service":{"name":"s"}}}]}}]}}""",
            [
                "Invalid spec.rules[0].host: Invalid value: \"1.2.3.4\": must be a DNS name, not an IP address", "Invalid spec.rules[0].http.paths[0].path: Invalid value: \"x\": must be an absolute path",
                "Required spec.rules[0].http.paths[0].backend: Required value: port name or number is required",
            ]
        },
        { "Ingress", """{"spec":{}}""", ["Invalid spec: Invalid value: []: either `defaultBackend` or `rules` must be specified"] },
        {
            "NetworkPolicy", """{"spec":{"ingress":[{"ports":[{"port":80,"endPort":79}],"from":[{},{"ipBlock":{"cidr":"10.0.0.0/8","except":["11.0.0.0/16"]}}]}]}}""",
            [
                "Invalid spec.ingress[0].ports[0].endPort: Invalid value: 79: must be greater than or equal to `port`", "Required spec.ingress[0].from[0]: Required value: must specify a peer",
                "Invalid spec.ingress[0].from[1].ipBlock.except[0]: Invalid value: \"11.0.0.0/16\": must be a strict subset of `cidr`",
            ]
        },
        { "IngressClass", """{"spec":{"controller":"nodomain"}}""", ["Invalid spec.controller: Invalid value: \"nodomain\": must be a domain-prefixed path (such as \"acme.io/foo\")"] },
        { "ServiceCIDR", """{"spec":{"cidrs":["10.0.0.0"]}}""", ["Invalid spec.cidrs[0]: Invalid value: \"10.0.0.0\": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"] },
        { "IPAddress", """{"metadata":{"name":"10.0.0.01"}}""", ["Invalid metadata.name: Invalid value: \"10.0.0.01\": not a valid IP address in canonical form", "Required spec.parentRef: Required value"] },
        {
            "HorizontalPodAutoscaler", """{"spec":{"minReplicas":5,"maxReplicas":2,"scaleTargetRef":{"kind":"Deployment"},"metrics":[{"type":"Resource"},{"type":"Nonsense"}]}}""",
            [
                "Invalid spec.maxReplicas: Invalid value: 2: must be greater than or equal to `minReplicas`", "Required spec.scaleTargetRef.name: Required value",
                "Required spec.metrics[0].resource: Required value: must populate information for the given metric source",
                "NotSupported spec.metrics[1].type: Unsupported value: \"Nonsense\": supported values: \"ContainerResource\", \"External\", \"Object\", \"Pods\", \"Resource\"",
            ]
        },
        { "PodDisruptionBudget", """{"spec":{"minAvailable":"x%"}}""", ["Invalid spec.minAvailable: Invalid value: \"x%\": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"] },
        {
            "PersistentVolumeClaim", """{"spec":{"accessModes":["Write"],"volumeMode":"Tape"}}""",
            [
                "NotSupported spec.accessModes: Unsupported value: \"Write\": supported values: \"ReadOnlyMany\", \"ReadWriteMany\", \"ReadWriteOnce\", \"ReadWriteOncePod\"",
                "Required spec.resources[storage]: Required value", "NotSupported spec.volumeMode: Unsupported value: \"Tape\": supported values: \"Block\", \"Filesystem\"",
            ]
        },
        { "PersistentVolume", """{"spec":{"accessModes":["ReadWriteOnce"],"capacity":{"storage":"1Gi"}}}""", ["Required spec: Required value: must specify a volume type"] },
        { "StorageClass", """{"volumeBindingMode":"Later"}""", ["Required provisioner: Required value", "NotSupported volumeBindingMode: Unsupported value: \"Later\": supported values: \"Immediate\", \"WaitForFirstConsumer\""] },
        { "VolumeAttributesClass", """{"driverName":"d.io"}""", ["Required parameters: Required value: must contain at least one key/value pair"] },
        { "CSIDriver", """{"spec":{"fsGroupPolicy":"X","tokenRequests":[{"audience":"a","expirationSeconds":1}]}}""", ["NotSupported spec.fsGroupPolicy: Unsupported value: \"X\": supported values: \"File\", \"None\", \"ReadWriteOnceWithFSType\"", "Invalid spec.tokenRequests[0].expirationSeconds: Invalid value: 1: may not specify a duration less than 10 minutes"] },
        { "CSINode", """{"spec":{"drivers":[{"name":"a.io"},{"name":"a.io","nodeID":"n"}]}}""", ["Required spec.drivers[0].nodeID: Required value", "Duplicate spec.drivers[1].name: Duplicate value: \"a.io\""] },
        { "CSIStorageCapacity", "{}", ["Required storageClassName: Required value"] },
        { "VolumeAttachment", """{"spec":{"attacher":"a.io","nodeName":"n","source":{}}}""", ["Required spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName"] },
        { "Secret", """{"type":"kubernetes.io/tls"}""", ["Required data[tls.crt]: Required value", "Required data[tls.key]: Required value"] },
        { "Secret", """{"type":"kubernetes.io/service-account-token"}""", ["Required metadata.annotations[kubernetes.io/service-account.name]: Required value"] },
        { "ConfigMap", """{"data":{"a":"1"},"binaryData":{"a":"MQ=="}}""", ["Invalid data[a]: Invalid value: \"a\": duplicate of key present in binaryData"] },
        { "ResourceQuota", """{"spec":{"hard":{"apples":"1","cpu":"-1"},"scopes":["Odd"]}}""", ["Invalid spec.hard[apples]: Invalid value: \"apples\": must be a standard resource for quota", "Invalid spec.hard[cpu]: Invalid value: \"-1\": must be greater than or equal to 0", "Invalid spec.scopes: Invalid value: [\"Odd\"]: unsupported scope"] },
        { "LimitRange", """{"spec":{"limits":[{"type":"Odd"}]}}""", ["Invalid spec.limits[0].type: Invalid value: \"Odd\": must be a standard limit type or fully qualified"] },
        { "Node", """{"spec":{"taints":[{"key":"a","effect":"Go"}]}}""", ["NotSupported spec.taints[0].effect: Unsupported value: \"Go\": supported values: \"NoSchedule\", \"PreferNoSchedule\", \"NoExecute\""] },
        { "Endpoints", """{"subsets":[{"addresses":[{"ip":"127.0.0.1"}],"ports":[{"port":0}]},{}]}""", ["Invalid subsets[0].addresses[0].ip: Invalid value: \"127.0.0.1\": may not be in the loopback range (127.0.0.0/8, ::1/128)", "Invalid subsets[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive", "Required subsets[1]: Required value: must specify `addresses` or `notReadyAddresses`"] },
        { "EndpointSlice", """{"addressType":"IPv6","endpoints":[{"addresses":["10.0.0.1"]},{}]}""", ["Invalid endpoints[0].addresses[0]: Invalid value: \"10.0.0.1\": must be a valid IPv6 address", "Required endpoints[1].addresses: Required value: must contain at least 1 endpoint"] },
        { "Event", """{"involvedObject":{"namespace":"other"}}""", ["Invalid involvedObject.namespace: Invalid value: \"other\": does not match event.namespace"] },
        { "PodTemplate", """{"template":{"spec":{}}}""", ["Required template.spec.containers: Required value"] },
        { "ControllerRevision", """{"revision":-1}""", ["Required data: Required value: data is mandatory", "Invalid revision: Invalid value: -1: must be greater than or equal to 0"] },
        { "Lease", """{"spec":{"leaseDurationSeconds":0,"leaseTransitions":-1}}""", ["Invalid spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0", "Invalid spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0"] },
        { "Role", """{"rules":[{"nonResourceURLs":["/x"],"verbs":["get"]},{"verbs":["get"]}]}""", ["Invalid rules[0].nonResourceURLs: Invalid value: [\"/x\"]: namespaced rules cannot apply to non-resource URLs", "Required rules[1].apiGroups: Required value: resource rules must supply at least one api group", "Required rules[1].resources: Required value: resource rules must supply at least one resource"] },
        { "ClusterRole", """{"aggregationRule":{}}""", ["Required aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil"] },
        { "ClusterRoleBinding", """{"roleRef":{"kind":"Role","name":"r"},"subjects":[{"kind":"ServiceAccount","name":"s"}]}""", ["NotSupported roleRef.kind: Unsupported value: \"Role\": supported values: \"ClusterRole\"", "Required subjects[0].namespace: Required value"] },
        { "RoleBinding", """{"roleRef":{"kind":"Role"},"subjects":[{"kind":"Robot","name":"s"}]}""", ["Required roleRef.name: Required value", "NotSupported subjects[0].kind: Unsupported value: \"Robot\": supported values: \"ServiceAccount\", \"User\", \"Group\""] },
        { "PriorityClass", """{"value":2000000000}""", ["Forbidden value: Forbidden: maximum allowed value of a user defined priority is 1000000000"] },
        { "RuntimeClass", """{"handler":"A"}""", [$"Invalid handler: Invalid value: \"A\": {Label}"] },
        {
            "CertificateSigningRequest", """{"spec":{"request":"aGVsbG8=","signerName":"example.com/s","usages":["flying"]}}""",
            [
                "Invalid spec.request: Invalid value: \"aGVsbG8=\": PEM block type must be CERTIFICATE REQUEST",
                "NotSupported spec.usages[0]: Unsupported value: \"flying\": supported values: \"any\", \"cert sign\", \"client auth\", \"code signing\", \"content commitment\", \"crl sign\", \"data encipherment\", \"decipher only\", \"digital signature\", \"email protection\", \"encipher only\", \"ipsec end system\", \"ipsec tunnel\", \"ipsec user\", \"key agreement\", \"key encipherment\", \"microsoft sgc\", \"netscape sgc\", \"ocsp signing\", \"s/mime\", \"server auth\", \"signing\", \"timestamping\"",
            ]
        },
        { "FlowSchema", """{"spec":{"matchingPrecedence":1,"rules":[{"subjects":[{"kind":"User"}]}]}}""", ["Invalid spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1", "Required spec.priorityLevelConfiguration.name: Required value: must reference a priority level", "Required spec.rules[0].subjects[0].user: Required value: user is required when subject kind is 'User'", "Required spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty"] },
        { "PriorityLevelConfiguration", """{"spec":{"type":"Limited","limited":{"limitResponse":{"type":"Queue"}}}}""", ["Required spec.limited.limitResponse.queuing: Required value: must not be empty if limited.limitResponse.type is Limited"] },
        { "ResourceClaim", """{"spec":{"devices":{"requests":[{"name":"r"}]}}}""", ["Required spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required"] },
        { "ResourceClaimTemplate", """{"spec":{"spec":{"devices":{"requests":[{"name":"r","exactly":{}}]}}}}""", ["Required spec.spec.devices.requests[0].exactly.deviceClassName: Required value"] },
        { "APIService", """{"metadata":{"name":"x"},"spec":{"group":"g.io","version":"v1","groupPriorityMinimum":1,"versionPriority":2000}}""", ["Invalid metadata.name: Invalid value: \"x\": must be `spec.version+\".\"+spec.group`: \"v1.g.io\"", "Invalid spec.versionPriority: Invalid value: 2000: must be positive and less than 1000"] },
        { "DeviceClass", """{"spec":{"selectors":[{}]}}""", ["Required spec.selectors[0].cel: Required value"] },
        { "ResourceSlice", """{"spec":{"driver":"d.io","pool":{"name":"p","resourceSliceCount":1}}}""", ["Required spec: Required value: exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"] },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Create_IsRefused_WithEveryCause(string kind, string json, string[] causes) => Assert.Equal(causes, Kind.Create(kind, json).Causes);
}
