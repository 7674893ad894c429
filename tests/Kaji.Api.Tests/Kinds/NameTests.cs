using Kaji.Api.Kinds;
using Kaji.Api.Metadata;

namespace Kaji.Api.Tests.Kinds;

/// <summary>Which names a kind takes, and what else holds for metadata.</summary>
public sealed class NameTests
{
    [Theory]
    [InlineData("Pod", "a.b-c", true)]
    [InlineData("Pod", "A", false)]
    [InlineData("Service", "1a", false)]
    [InlineData("Service", "a1", true)]
    [InlineData("Namespace", "a.b", false)]
    [InlineData("ClusterRole", "system:node", true)]
    [InlineData("ClusterRole", "a/b", false)]
    [InlineData("RoleBinding", "Any Name", true)]
    [InlineData("CertificateSigningRequest", "user:x@y", true)]
    [InlineData("APIService", "v1.", true)]
    [InlineData("IPAddress", "2001:db8::1", true)]
    [InlineData("ConfigMap", "..", false)]
    public void Name_FollowsItsKindsRule(string kind, string name, bool good) => Assert.Equal(good, Errors(kind, $$"""{"metadata":{"name":"{{name}}"} }""").Length == 0);

    [Theory]
    [InlineData("""{"metadata":{"labels":{"a/b/c":"x"}}}""", "metadata.labels")]
    [InlineData("""{"metadata":{"labels":{"a":"-"}}}""", "metadata.labels")]
    [InlineData("""{"metadata":{"annotations":{"a b":"x"}}}""", "metadata.annotations")]
    [InlineData("""{"metadata":{"finalizers":["a b"]}}""", "metadata.finalizers")]
    [InlineData("""{"metadata":{"finalizers":["orphan","foregroundDeletion"]}}""", "metadata.finalizers")]
    [InlineData("""{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"p"}]}}""", "metadata.ownerReferences.uid")]
    public void Metadata_OfTheWrongForm_IsRefused(string json, string field) => Assert.Equal(field, Assert.Single(Errors("ConfigMap", json)));

    [Fact]
    public void Annotations_HaveAnUpperBound()
    {
        var text = new string('x', 256 * 1024);
        var obj = Kind.Parse("ConfigMap", $$"""{"metadata":{"annotations":{"a":"{{text}}"} } }""");
        var errors = new List<FieldError>();
        MetadataValidation.Validate(obj, Kind.Resource("ConfigMap"), errors);
        Assert.Equal("metadata.annotations: Too long: may not be more than 262144 bytes", Assert.Single(errors).ToString());
    }

    [Fact]
    public void Deleted_ThingsAreHeldUpByNobodyNew()
    {
        var old = Kind.Parse("ConfigMap", """{"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z","finalizers":["a.io/x"]}}""");
        var errors = new List<FieldError>();
        MetadataValidation.ValidateUpdate(Kind.Parse("ConfigMap", """{"metadata":{"finalizers":["a.io/x","a.io/y"]}}"""), old, errors);
        Assert.Equal("metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{\"a.io/y\"}", Assert.Single(errors).ToString());
    }

    [Theory]
    [InlineData("Pod", """{"spec":{"nodeName":"n"}}""", "spec.nodeName", "n")]
    [InlineData("Pod", """{"spec":{"hostNetwork":true}}""", "spec.hostNetwork", "true")]
    [InlineData("Pod", """{"status":{"phase":"Running"}}""", "status.phase", "Running")]
    [InlineData("Secret", """{"type":"t"}""", "type", "t")]
    [InlineData("Namespace", "{}", "name", "thing")]
    [InlineData("Node", "{}", "spec.unschedulable", "false")]
    [InlineData("Job", """{"status":{"succeeded":2}}""", "status.successful", "2")]
    [InlineData("ReplicaSet", """{"status":{"replicas":2}}""", "status.replicas", "2")]
    [InlineData("ReplicationController", """{"status":{"replicas":2}}""", "status.replicas", "2")]
    [InlineData("Service", """{"spec":{"type":"NodePort"}}""", "spec.type", "NodePort")]
    [InlineData("CertificateSigningRequest", """{"spec":{"signerName":"a.io/b"}}""", "spec.signerName", "a.io/b")]
    [InlineData("Event", """{"involvedObject":{"name":"p"}}""", "involvedObject.name", "p")]
    [InlineData("ResourceSlice", """{"spec":{"driver":"d.io"}}""", "spec.driver", "d.io")]
    public void Field_CanBeSelectedBy(string kind, string json, string field, string value)
    {
        var behavior = KindRegistry.BehaviorFor(Kind.Resource(kind));
        Assert.Contains(field, behavior.SelectableFields);
        Assert.Equal(value, behavior.SelectableField(Kind.Parse(kind, json), field));
    }

    private static string[] Errors(string kind, string json)
    {
        var errors = new List<FieldError>();
        MetadataValidation.Validate(Kind.Parse(kind, json), Kind.Resource(kind), errors);
        return [.. errors.Select(e => e.Field)];
    }
}
