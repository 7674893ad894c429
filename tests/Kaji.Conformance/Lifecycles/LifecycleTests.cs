using System.Globalization;
using System.Text.Json.Nodes;

namespace Kaji.Conformance.Lifecycles;

/// <summary>Rows that ask of one kind: found in discovery, then every verb, seen by a watch.</summary>
public sealed class LifecycleTests(ConformanceCluster cluster)
{
    private static int _serial;

    [Fact]
    [ConformanceRow("[sig-api-machinery] API priority and fairness should support FlowSchema API operations [Conformance]")]
    public Task FlowSchemas() => LivesAsync(new(
        "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas", "FlowSchema",
        """
        "spec":{"matchingPrecedence":10000,"priorityLevelConfiguration":{"name":"global-default"},"distinguisherMethod":{"type":"ByUser"},"rules":[{"subjects":[{"kind":"User","user":{"name":"example"}}],
        "nonResourceRules":[{"verbs":["get"],"nonResourceURLs":["/x"]}]}]}
        """,
        """{"conditions":[{"type":"Dangling","status":"False","reason":"Test"}]}"""));

    [Fact]
    [ConformanceRow("[sig-api-machinery] API priority and fairness should support PriorityLevelConfiguration API operations [Conformance]")]
    public Task PriorityLevelConfigurations() => LivesAsync(new(
        "/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations", "PriorityLevelConfiguration",
        """
        "spec":{"type":"Limited","limited":{"nominalConcurrencyShares":2,"limitResponse":{"type":"Reject"}}}
        """,
        """{"conditions":[{"type":"Test","status":"False","reason":"Test"}]}"""));

    [Fact]
    [ConformanceRow("[sig-api-machinery] MutatingAdmissionPolicy [Privileged:ClusterAdmin] should support MutatingAdmissionPolicy API operations [Conformance]")]
    public Task MutatingAdmissionPolicies() => LivesAsync(new(
        "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies", "MutatingAdmissionPolicy",
        """
        "spec":{"reinvocationPolicy":"Never","failurePolicy":"Ignore","matchConstraints":{"resourceRules":[{"apiGroups":["nothing.example.com"],"apiVersions":["v1"],"operations":["CREATE"],"resources":["nothings"]}]},
        "mutations":[{"patchType":"ApplyConfiguration","applyConfiguration":{"expression":"Object{metadata: Object.metadata{annotations: {\"a\": \"b\"}}}"}}]}
        """));

    [Fact]
    [ConformanceRow("[sig-api-machinery] MutatingAdmissionPolicy [Privileged:ClusterAdmin] should support MutatingAdmissionPolicyBinding API operations [Conformance]")]
    public Task MutatingAdmissionPolicyBindings() => LivesAsync(new(
        "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings", "MutatingAdmissionPolicyBinding", "\"spec\":{\"policyName\":\"nothing\"}"));

    [Fact]
    [ConformanceRow("[sig-api-machinery] ValidatingAdmissionPolicy [Privileged:ClusterAdmin] should support ValidatingAdmissionPolicy API operations [Conformance]")]
    public Task ValidatingAdmissionPolicies() => LivesAsync(new(
        "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies", "ValidatingAdmissionPolicy",
        """
        "spec":{"failurePolicy":"Ignore","matchConstraints":{"resourceRules":[{"apiGroups":["nothing.example.com"],"apiVersions":["v1"],"operations":["CREATE"],"resources":["nothings"]}]},
        "validations":[{"expression":"true"}]}
        """,
        """{"conditions":[{"type":"Test","status":"False","reason":"Test","message":"m","lastTransitionTime":"2026-01-01T00:00:00Z"}]}"""));

    [Fact]
    [ConformanceRow("[sig-api-machinery] ValidatingAdmissionPolicy [Privileged:ClusterAdmin] should support ValidatingAdmissionPolicyBinding API operations [Conformance]")]
    public Task ValidatingAdmissionPolicyBindings() => LivesAsync(new(
        "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", "\"spec\":{\"policyName\":\"nothing\",\"validationActions\":[\"Deny\"]}"));

    [Fact]
    [ConformanceRow("[sig-apps] CronJob should support CronJob API operations [Conformance]")]
    public Task CronJobs() => LivesAsync(new(
        "/apis/batch/v1/namespaces/{ns}/cronjobs", "CronJob",
        """
        "spec":{"schedule":"0 0 1 1 *","suspend":true,"jobTemplate":{"spec":{"template":{"spec":{"restartPolicy":"OnFailure","containers":[{"name":"c","image":"none/none:1"}]}}}}}
        """,
        """{"lastScheduleTime":"2026-01-01T00:00:00Z"}"""));

    [Fact]
    [ConformanceRow("[sig-auth] Certificates API [Privileged:ClusterAdmin] should support CSR API operations [Conformance]")]
    public async Task CertificateSigningRequests()
    {
        using var key = System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP256);
        var asked = new System.Security.Cryptography.X509Certificates.CertificateRequest("CN=e2e", key, System.Security.Cryptography.HashAlgorithmName.SHA256);
        var pem = Convert.ToBase64String(System.Text.Encoding.ASCII.GetBytes(asked.CreateSigningRequestPem()));
        var row = new LifecycleCase(
            "/apis/certificates.k8s.io/v1/certificatesigningrequests", "CertificateSigningRequest",
            $$"""
            "spec":{"request":"{{pem}}","signerName":"example.com/nobody","usages":["client auth"]}
            """,
            $$"""{"certificate":"{{Convert.ToBase64String(System.Text.Encoding.ASCII.GetBytes(SelfSigned(asked)))}}"}""");
        await LivesAsync(row);

        var made = (await cluster.Admin.PostAsync(row.Collection, row.Json("", "approve-me", "approval"))).Ok(201).Json;
        Assert.Equal("system:masters", (string?)made["spec"]!["groups"]![0]);
        var approved = await cluster.Admin.PatchAsync(
            $"{row.Collection}/approve-me/approval", """{"status":{"conditions":[{"type":"Approved","status":"True","reason":"E2E","message":"Set from an e2e test"}]}}""");
        Assert.Equal("Approved", (string?)approved.Ok().Json["status"]!["conditions"]![0]!["type"]);
        (await cluster.Admin.DeleteAsync($"{row.Collection}/approve-me")).Ok();
    }

    [Fact]
    [ConformanceRow("[sig-network] EndpointSlice should support creating EndpointSlice API operations [Conformance]")]
    public Task EndpointSlices() => LivesAsync(new(
        "/apis/discovery.k8s.io/v1/namespaces/{ns}/endpointslices", "EndpointSlice", "\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[\"10.1.2.3\"]}],\"ports\":[{\"name\":\"p\",\"port\":80}]"));

    [Fact]
    [ConformanceRow("[sig-network] Ingress API should support creating Ingress API operations [Conformance]")]
    public Task Ingresses() => LivesAsync(new(
        "/apis/networking.k8s.io/v1/namespaces/{ns}/ingresses", "Ingress",
        """
        "spec":{"defaultBackend":{"service":{"name":"default-backend","port":{"number":80}}},"rules":[{"host":"foo.bar.com","http":{"paths":[{"path":"/","pathType":"Prefix",
        "backend":{"service":{"name":"test","port":{"number":8080}}}}]}}]}
        """,
        """{"loadBalancer":{"ingress":[{"ip":"169.1.1.1"}]}}"""));

    [Fact]
    [ConformanceRow("[sig-network] IngressClass API should support creating IngressClass API operations [Conformance]")]
    public Task IngressClasses() => LivesAsync(new("/apis/networking.k8s.io/v1/ingressclasses", "IngressClass", "\"spec\":{\"controller\":\"example.com/controller\"}"));

    [Fact]
    [ConformanceRow("[sig-network] ServiceCIDR and IPAddress API should support IPAddress API operations [Conformance]")]
    public Task IPAddresses() => LivesAsync(new(
        "/apis/networking.k8s.io/v1/ipaddresses", "IPAddress", "\"spec\":{\"parentRef\":{\"group\":\"\",\"resource\":\"services\",\"namespace\":\"{ns}\",\"name\":\"test\"}}") { NameFormat = "192.0.2.{0}" });

    [Fact]
    [ConformanceRow("[sig-network] ServiceCIDR and IPAddress API should support ServiceCIDR API operations [Conformance]")]
    public Task ServiceCIDRs() => LivesAsync(new(
        "/apis/networking.k8s.io/v1/servicecidrs", "ServiceCIDR", "\"spec\":{\"cidrs\":[\"203.0.113.0/24\"]}",
        """{"conditions":[{"type":"Ready","status":"False","reason":"Test","message":"m","lastTransitionTime":"2026-01-01T00:00:00Z"}]}"""));

    [Fact]
    [ConformanceRow("[sig-node] RuntimeClass should support RuntimeClasses API operations [Conformance]")]
    public Task RuntimeClasses() => LivesAsync(new("/apis/node.k8s.io/v1/runtimeclasses", "RuntimeClass", "\"handler\":\"runc\""));

    [Fact]
    [ConformanceRow("[sig-node] [DRA] CRUD Tests resource.k8s.io/v1 DeviceClass [Conformance]")]
    public Task DeviceClasses() => LivesAsync(new("/apis/resource.k8s.io/v1/deviceclasses", "DeviceClass", "\"spec\":{\"selectors\":[{\"cel\":{\"expression\":\"device.driver == 'x'\"}}]}"));

    [Fact]
    [ConformanceRow("[sig-node] [DRA] CRUD Tests resource.k8s.io/v1 ResourceClaim [Conformance]")]
    public Task ResourceClaims() => LivesAsync(new(
        "/apis/resource.k8s.io/v1/namespaces/{ns}/resourceclaims", "ResourceClaim",
        "\"spec\":{\"devices\":{\"requests\":[{\"name\":\"r\",\"exactly\":{\"deviceClassName\":\"none\"}}]}}", """{"allocation":{"devices":{"results":[]}}}"""));

    [Fact]
    [ConformanceRow("[sig-node] [DRA] CRUD Tests resource.k8s.io/v1 ResourceClaimTemplate [Conformance]")]
    public Task ResourceClaimTemplates() => LivesAsync(new(
        "/apis/resource.k8s.io/v1/namespaces/{ns}/resourceclaimtemplates", "ResourceClaimTemplate", "\"spec\":{\"spec\":{\"devices\":{\"requests\":[{\"name\":\"r\",\"exactly\":{\"deviceClassName\":\"none\"}}]}}}"));

    [Fact]
    [ConformanceRow("[sig-node] [DRA] CRUD Tests resource.k8s.io/v1 ResourceSlice [Conformance]")]
    public Task ResourceSlices() => LivesAsync(new(
        "/apis/resource.k8s.io/v1/resourceslices", "ResourceSlice", "\"spec\":{\"driver\":\"d.example.com\",\"nodeName\":\"none\",\"pool\":{\"name\":\"p\",\"generation\":1,\"resourceSliceCount\":1},\"devices\":[{\"name\":\"d\"}]}"));

    [Fact]
    [ConformanceRow("[sig-storage] CSIInlineVolumes should run through the lifecycle of a CSIDriver [Conformance]")]
    public Task CSIDrivers() => LivesAsync(new("/apis/storage.k8s.io/v1/csidrivers", "CSIDriver", "\"spec\":{\"attachRequired\":false,\"volumeLifecycleModes\":[\"Ephemeral\"]}"));

    [Fact]
    [ConformanceRow("[sig-storage] CSINodes CSI Conformance should run through the lifecycle of a csinode [Conformance]")]
    public Task CSINodes() => LivesAsync(new("/apis/storage.k8s.io/v1/csinodes", "CSINode", "\"spec\":{\"drivers\":[{\"name\":\"d\",\"nodeID\":\"n\"}]}"));

    [Fact]
    [ConformanceRow("[sig-storage] CSIStorageCapacity should support CSIStorageCapacities API operations [Conformance]")]
    public Task CSIStorageCapacities() => LivesAsync(new("/apis/storage.k8s.io/v1/namespaces/{ns}/csistoragecapacities", "CSIStorageCapacity", "\"storageClassName\":\"none\",\"capacity\":\"1Gi\""));

    [Fact]
    [ConformanceRow("[sig-storage] StorageClasses CSI Conformance should run through the lifecycle of a StorageClass [Conformance]")]
    public Task StorageClasses() => LivesAsync(new("/apis/storage.k8s.io/v1/storageclasses", "StorageClass", "\"provisioner\":\"e2e-fake-provisioner\""));

    [Fact]
    [ConformanceRow("[sig-storage] VolumeAttributesClass [FeatureGate:VolumeAttributesClass] should run through the lifecycle of a VolumeAttributesClass [Conformance]")]
    public Task VolumeAttributesClasses() => LivesAsync(new("/apis/storage.k8s.io/v1/volumeattributesclasses", "VolumeAttributesClass", "\"driverName\":\"d.example.com\",\"parameters\":{\"a\":\"b\"}"));

    [Fact]
    [ConformanceRow("[sig-node] PodTemplates should run the lifecycle of PodTemplates [Conformance]")]
    [ConformanceRow("[sig-node] PodTemplates should delete a collection of pod templates [Conformance]")]
    [ConformanceRow("[sig-node] PodTemplates should replace a pod template [Conformance]")]
    public Task PodTemplates() => LivesAsync(new("/api/v1/namespaces/{ns}/podtemplates", "PodTemplate", "\"template\":{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"none/none:1\"}]}}"));

    [Fact]
    [ConformanceRow("[sig-node] Lease lease API should be available [Conformance]")]
    public Task Leases() => LivesAsync(new("/apis/coordination.k8s.io/v1/namespaces/{ns}/leases", "Lease", "\"spec\":{\"holderIdentity\":\"holder\",\"leaseDurationSeconds\":30,\"acquireTime\":\"2026-01-01T00:00:00.000000Z\",\"leaseTransitions\":0}"));

    [Fact]
    [ConformanceRow("[sig-instrumentation] Events API should delete a collection of events [Conformance]")]
    public Task NewEvents() => LivesAsync(new(
        "/apis/events.k8s.io/v1/namespaces/{ns}/events", "Event",
        "\"eventTime\":\"2026-01-01T00:00:00.000000Z\",\"reportingController\":\"test-controller\",\"reportingInstance\":\"test-node\",\"action\":\"Do\",\"reason\":\"Test\",\"type\":\"Normal\",\"note\":\"n\",\"regarding\":{\"namespace\":\"{ns}\"}"));

    [Fact]
    [ConformanceRow("[sig-instrumentation] Events should delete a collection of events [Conformance]")]
    [ConformanceRow("[sig-instrumentation] Events should manage the lifecycle of an event [Conformance]")]
    public Task CoreEvents() => LivesAsync(new("/api/v1/namespaces/{ns}/events", "Event", "\"involvedObject\":{\"namespace\":\"{ns}\"},\"reason\":\"Test\",\"message\":\"This is a test event\",\"type\":\"Normal\",\"count\":1"));

    [Fact]
    [ConformanceRow("[sig-network] Endpoints should test the lifecycle of an Endpoint [Conformance]")]
    public Task Endpoints() => LivesAsync(new("/api/v1/namespaces/{ns}/endpoints", "Endpoints", "\"subsets\":[{\"addresses\":[{\"ip\":\"10.0.0.24\"}],\"ports\":[{\"name\":\"http\",\"port\":80,\"protocol\":\"TCP\"}]}]"));

    [Fact]
    [ConformanceRow("[sig-network] Services should delete a collection of services [Conformance]")]
    public Task Services() => LivesAsync(new("/api/v1/namespaces/{ns}/services", "Service", "\"spec\":{\"ports\":[{\"port\":80,\"targetPort\":8080}],\"selector\":{\"a\":\"b\"}}", """{"loadBalancer":{"ingress":[{"ip":"203.0.113.1"}]}}"""));

    [Fact]
    [ConformanceRow("[sig-node] ConfigMap should run through a ConfigMap lifecycle [Conformance]")]
    [ConformanceRow("[sig-node] ConfigMap should update ConfigMap successfully [NodeConformance] [Conformance]")]
    public Task ConfigMaps() => LivesAsync(new("/api/v1/namespaces/{ns}/configmaps", "ConfigMap", "\"data\":{\"a\":\"b\"}"));

    [Fact]
    [ConformanceRow("[sig-node] Secrets should patch a secret [Conformance]")]
    public Task Secrets() => LivesAsync(new("/api/v1/namespaces/{ns}/secrets", "Secret", "\"data\":{\"a\":\"dmFsdWU=\"}"));

    [Fact]
    [ConformanceRow("[sig-auth] ServiceAccounts should run through the lifecycle of a ServiceAccount [Conformance]")]
    [ConformanceRow("[sig-auth] ServiceAccounts should update a ServiceAccount [Conformance]")]
    public Task ServiceAccounts() => LivesAsync(new("/api/v1/namespaces/{ns}/serviceaccounts", "ServiceAccount", "\"automountServiceAccountToken\":false"));

    [Fact]
    [ConformanceRow("[sig-api-machinery] ResourceQuota should be able to update and delete ResourceQuota. [Conformance]")]
    [ConformanceRow("[sig-api-machinery] ResourceQuota should manage the lifecycle of a ResourceQuota [Conformance]")]
    public Task ResourceQuotas() => LivesAsync(new("/api/v1/namespaces/{ns}/resourcequotas", "ResourceQuota", "\"spec\":{\"hard\":{\"cpu\":\"1\",\"memory\":\"500Mi\"}}"));

    [Fact]
    [ConformanceRow("[sig-scheduling] LimitRange should list, patch and delete a LimitRange by collection [Conformance]")]
    public Task LimitRanges() => LivesAsync(new("/api/v1/namespaces/{ns}/limitranges", "LimitRange", "\"spec\":{\"limits\":[{\"type\":\"Container\",\"max\":{\"cpu\":\"1\"}}]}"));

    [Fact]
    [ConformanceRow("[sig-node] Node Lifecycle should run through the lifecycle of a node [Conformance]")]
    public Task Nodes() => LivesAsync(new("/api/v1/nodes", "Node", "\"spec\":{\"unschedulable\":true}", """{"conditions":[{"type":"Ready","status":"True","reason":"Test"}]}"""));

    [Fact]
    [ConformanceRow("[sig-storage] VolumeAttachment Conformance should run through the lifecycle of a VolumeAttachment [Conformance]")]
    [ConformanceRow("[sig-storage] VolumeAttachment Conformance should apply changes to a volumeattachment status [Conformance]")]
    public Task VolumeAttachments() => LivesAsync(new(
        "/apis/storage.k8s.io/v1/volumeattachments", "VolumeAttachment", "\"spec\":{\"attacher\":\"e2e.example.com\",\"nodeName\":\"none\",\"source\":{\"persistentVolumeName\":\"pv\"}}", """{"attached":true}"""));

    [Fact]
    [ConformanceRow("[sig-scheduling] SchedulerPreemption [Serial] PriorityClass endpoints verify PriorityClass endpoints can be operated with different HTTP methods [Conformance]")]
    public async Task PriorityClasses()
    {
        await LivesAsync(new("/apis/scheduling.k8s.io/v1/priorityclasses", "PriorityClass", "\"value\":1,\"description\":\"d\""));
        var api = cluster.Admin;
        (await api.PostAsync("/apis/scheduling.k8s.io/v1/priorityclasses", """{"metadata":{"name":"fixed-value"},"value":7}""")).Ok(201);
        (await api.PatchAsync("/apis/scheduling.k8s.io/v1/priorityclasses/fixed-value", """{"value":8}""")).Refused(422, "may not be changed in an update");
        Assert.Equal("new", (string)(await api.PatchAsync("/apis/scheduling.k8s.io/v1/priorityclasses/fixed-value", """{"description":"new"}""")).Ok().Json["description"]!);
        (await api.DeleteAsync("/apis/scheduling.k8s.io/v1/priorityclasses/fixed-value")).Ok();
    }

    private async Task LivesAsync(LifecycleCase row)
    {
        var api = cluster.Admin;
        var namespaced = row.Collection.Contains("{ns}", StringComparison.Ordinal);
        var ns = await cluster.NamespaceAsync();
        var collection = row.Collection.Replace("{ns}", ns, StringComparison.Ordinal);
        var label = $"l{Interlocked.Increment(ref _serial)}";
        var (one, two, three) = (Name(1), Name(2), Name(3));
        var selected = $"{collection}?labelSelector=row%3D{label}";

        await DiscoveredAsync(row, namespaced);
        var version = (string)(await api.GetAsync(selected)).Ok().Json["metadata"]!["resourceVersion"]!;
        await using var watch = await api.WatchAsync($"{selected}&resourceVersion={version}");

        var made = (await api.PostAsync(collection, row.Json(ns, one, label))).Ok(201).Json;
        Assert.Equal((row.ApiVersion, row.Kind), ((string)made["apiVersion"]!, (string)made["kind"]!));
        Assert.NotNull(made["metadata"]!["uid"]);
        await watch.ExpectAsync("ADDED", one);
        (await api.PostAsync(collection, row.Json(ns, one, label))).Refused(409, "already exists");
        (await api.GetAsync($"{collection}/{one}")).Ok();
        Assert.Single((await api.GetAsync(selected)).Ok().Json["items"]!.AsArray());
        if (namespaced)
        {
            Assert.Single((await api.GetAsync($"{row.Root}/{row.Plural}?labelSelector=row%3D{label}")).Ok().Json["items"]!.AsArray());
        }

        var patched = (await api.PatchAsync($"{collection}/{one}", """{"metadata":{"annotations":{"patched":"yes"}}}""")).Ok().Json;
        Assert.Equal("yes", (string)patched["metadata"]!["annotations"]!["patched"]!);
        await ModifiedAsync(o => (string?)o["metadata"]!["annotations"]?["patched"] == "yes");

        var current = await ReplaceAsync($"{collection}/{one}", o => o["metadata"]!["annotations"]!["updated"] = "yes");
        Assert.Equal("yes", (string)current["metadata"]!["annotations"]!["updated"]!);
        (await api.PutAsync($"{collection}/{one}", With(current, "resourceVersion", "1"))).Refused(409, "the object has been modified");
        await ModifiedAsync(o => (string?)o["metadata"]!["annotations"]?["updated"] == "yes");

        if (row.Status is { } status)
        {
            (await api.GetAsync($"{collection}/{one}/status")).Ok();
            var answered = (await api.PatchAsync($"{collection}/{one}/status", $$$"""{"metadata":{"annotations":{"patchedstatus":"true"}},"status":{{{status}}} }""")).Ok().Json;
            var field = JsonNode.Parse(status)!.AsObject().First().Key;
            Assert.NotNull(answered["status"]![field]);
            await ModifiedAsync(o => o["status"]?[field] is not null);
            await ReplaceAsync($"{collection}/{one}/status", _ => { });
        }

        (await api.DeleteAsync($"{collection}/{one}")).Ok();
        while (true)
        {
            var (type, obj) = await watch.NextAsync();
            Assert.Equal(one, (string)obj["metadata"]!["name"]!);
            if (type == "DELETED")
            {
                break;
            }
        }

        (await api.GetAsync($"{collection}/{one}")).Refused(404, "not found");
        (await api.PostAsync(collection, row.Json(ns, two, label))).Ok(201);
        (await api.PostAsync(collection, row.Json(ns, three, label + "x"))).Ok(201);
        (await api.DeleteAsync(selected)).Ok();
        await api.UntilAsync(selected, a => a.Ok().Json["items"]!.AsArray().Count == 0);
        (await api.GetAsync($"{collection}/{three}")).Ok();
        (await api.DeleteAsync($"{collection}/{three}")).Ok();

        // Controllers write some kinds too: a client reads again then.
        async Task<JsonNode> ReplaceAsync(string path, Action<JsonNode> change)
        {
            while (true)
            {
                var read = (await api.GetAsync(path)).Ok().Json;
                change(read);
                var put = await api.PutAsync(path, read.ToJsonString());
                if (put.Code != 409)
                {
                    return put.Ok().Json;
                }
            }
        }

        string Name(int i) => row.NameFormat.Length > 0 ? string.Format(CultureInfo.InvariantCulture, row.NameFormat, i) : $"{row.Kind.ToLowerInvariant()}-{label}-{i}";

        async Task ModifiedAsync(Func<JsonNode, bool> holds)
        {
            while (true)
            {
                var (type, obj) = await watch.NextAsync();
                Assert.Equal(("MODIFIED", one), (type, (string)obj["metadata"]!["name"]!));
                if (holds(obj))
                {
                    return;
                }
            }
        }
    }

    private async Task DiscoveredAsync(LifecycleCase row, bool namespaced)
    {
        if (row.Root != "/api/v1")
        {
            var groups = (await cluster.Admin.GetAsync("/apis")).Ok().Json["groups"]!.AsArray();
            var group = groups.Single(g => (string)g!["name"]! == row.ApiVersion.Split('/')[0])!;
            Assert.Contains(group["versions"]!.AsArray(), v => (string)v!["groupVersion"]! == row.ApiVersion);
            (await cluster.Admin.GetAsync($"/apis/{row.ApiVersion.Split('/')[0]}")).Ok();
        }

        var resources = (await cluster.Admin.GetAsync(row.Root)).Ok().Json["resources"]!.AsArray();
        var resource = resources.Single(r => (string)r!["name"]! == row.Plural)!;
        Assert.Equal((row.Kind, namespaced), ((string)resource["kind"]!, (bool)resource["namespaced"]!));
        foreach (var verb in (string[])["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"])
        {
            Assert.Contains(resource["verbs"]!.AsArray(), v => (string)v! == verb);
        }

        if (row.Status is not null)
        {
            Assert.Contains(resources, r => (string)r!["name"]! == row.Plural + "/status");
        }
    }

    private static string With(JsonNode obj, string field, string value)
    {
        var copy = obj.DeepClone();
        copy["metadata"]![field] = value;
        return copy.ToJsonString();
    }

    private static string SelfSigned(System.Security.Cryptography.X509Certificates.CertificateRequest request)
    {
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now, now.AddHours(1));
        return certificate.ExportCertificatePem();
    }
}
