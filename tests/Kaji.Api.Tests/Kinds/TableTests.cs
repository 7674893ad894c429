using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.Api.Tables;

namespace Kaji.Api.Tests.Kinds;

/// <summary>What <c>kubectl get</c> shows.</summary>
public sealed class TableTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 0, 0, 0, TimeSpan.Zero);

    public static TheoryData<string, string> Resources => [.. BuiltInResources.All.Where(r => r.Verbs.Contains("list")).Select(r => (r.ApiVersion, r.Plural))];

    [Theory]
    [MemberData(nameof(Resources))]
    public void EveryKind_HasACellForEachColumn(string apiVersion, string plural)
    {
        var resource = BuiltInResources.All.First(r => r.ApiVersion == apiVersion && r.Plural == plural);
        var table = TableDefinition.For(resource);
        var cells = table.CellsOf(new JsonObject { ["kind"] = resource.Kind, ["metadata"] = new JsonObject { ["name"] = "n", ["creationTimestamp"] = "2026-01-01T00:00:00Z" } }, Now);
        Assert.Equal(table.Columns.Count, cells.Count);
        for (var i = 0; i < cells.Count; i++)
        {
            switch (table.Columns[i].Name)
            {
                case "Name":
                    Assert.Equal("n", (string?)cells[i]);
                    break;
                case "Age":
                    Assert.Equal("24h", (string?)cells[i]);
                    break;
                case "Created At":
                    Assert.Equal("2026-01-01T00:00:00Z", (string?)cells[i]);
                    break;
            }
        }
    }

    [Theory]
    [InlineData("PersistentVolumeClaim", """{"spec":{"volumeName":"v","storageClassName":"fast","volumeMode":"Filesystem"},"status":{"phase":"Bound","capacity":{"storage":"1Gi"},"accessModes":["ReadWriteOnce","ReadOnlyMany"]}}""", "thing|Bound|v|1Gi|RWO,ROX|fast|<unset>|<unknown>|Filesystem")]
    [InlineData("PersistentVolume", """{"spec":{"capacity":{"storage":"1Gi"},"accessModes":["ReadWriteOncePod"],"persistentVolumeReclaimPolicy":"Delete","claimRef":{"namespace":"n","name":"c"}},"status":{"phase":"Bound"}}""", "thing|1Gi|RWOP|Delete|Bound|n/c||<unset>||<unknown>|<unset>")]
    [InlineData("Ingress", """{"spec":{"ingressClassName":"nginx","rules":[{"host":"a"},{"host":"b"},{},{"host":"d"}],"tls":[{}]},"status":{"loadBalancer":{"ingress":[{"ip":"1.1.1.1"}]}}}""", "thing|nginx|a,b,* + 1 more...|1.1.1.1|80, 443|<unknown>")]
    [InlineData("HorizontalPodAutoscaler", """{"spec":{"scaleTargetRef":{"kind":"Deployment","name":"d"},"minReplicas":1,"maxReplicas":3,"metrics":[{"type":"Resource","resource":{"name":"cpu","target":{"averageUtilization":80}}},{"type":"Pods","pods":{"target":{"averageValue":"5"}}}]},"status":{"currentMetrics":[{"type":"Resource","resource":{"name":"cpu","current":{"averageUtilization":12}}}]}}""", "thing|Deployment/d|cpu: 12%/80%, <unknown>/5|1|3|0|<unknown>")]
    [InlineData("ResourceQuota", """{"status":{"hard":{"pods":"5","limits.cpu":"2"},"used":{"pods":"1"}}}""", "thing|pods: 1/5|limits.cpu: 0/2|<unknown>")]
    [InlineData("CertificateSigningRequest", """{"spec":{"signerName":"a.io/b","username":"u","expirationSeconds":86400},"status":{"certificate":"x","conditions":[{"type":"Approved"}]}}""", "thing|<unknown>|a.io/b|u|24h|Approved,Issued")]
    [InlineData("PodDisruptionBudget", """{"spec":{"maxUnavailable":"20%"},"status":{"disruptionsAllowed":2}}""", "thing|N/A|20%|2|<unknown>")]
    [InlineData("StorageClass", """{"metadata":{"annotations":{"storageclass.kubernetes.io/is-default-class":"true"}},"provisioner":"a.io/b","reclaimPolicy":"Delete","volumeBindingMode":"Immediate","allowVolumeExpansion":true}""", "thing (default)|a.io/b|Delete|Immediate|true|<unknown>")]
    [InlineData("ControllerRevision", """{"metadata":{"ownerReferences":[{"apiVersion":"apps/v1","kind":"StatefulSet","name":"web","controller":true}]},"revision":3}""", "thing|statefulset.apps/web|3|<unknown>")]
    [InlineData("APIService", """{"spec":{"service":{"namespace":"n","name":"s"}},"status":{"conditions":[{"type":"Available","status":"False","reason":"MissingEndpoints"}]}}""", "thing|n/s|False (MissingEndpoints)|<unknown>")]
    [InlineData("PriorityLevelConfiguration", """{"spec":{"type":"Limited","limited":{"nominalConcurrencyShares":30,"limitResponse":{"type":"Reject"}}}}""", "thing|Limited|30|<none>|<none>|<none>|<unknown>")]
    [InlineData("ResourceClaim", """{"status":{"allocation":{},"reservedFor":[{}]}}""", "thing|allocated,reserved|<unknown>")]
    public void Row_ReadsAsKubernetesPrintsIt(string kind, string json, string row)
    {
        var table = TableDefinition.For(Kind.Resource(kind));
        Assert.Equal(row, string.Join('|', table.CellsOf(Kind.Parse(kind, json), Now).Select(c => c is null ? "" : c.ToString())));
    }
}
