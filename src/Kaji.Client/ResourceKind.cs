using System.Reflection;
using k8s;
using k8s.Models;

namespace Kaji.Client;

/// <summary>Where objects of a model type live in the API.</summary>
public sealed record ResourceKind<T>(string Group, string Version, string Plural, string Kind, bool Namespaced)
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    /// <summary><c>apps/v1</c>, or <c>v1</c> for core.</summary>
    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";
}

/// <summary>The kinds that Kaji's own loops work with.</summary>
public static class Kinds
{
    public static readonly ResourceKind<V1Pod> Pod = Of<V1Pod>();
    public static readonly ResourceKind<V1Node> Node = Of<V1Node>(namespaced: false);
    public static readonly ResourceKind<V1Namespace> Namespace = Of<V1Namespace>(namespaced: false);
    public static readonly ResourceKind<V1Service> Service = Of<V1Service>();
    public static readonly ResourceKind<V1EndpointSlice> EndpointSlice = Of<V1EndpointSlice>();
    public static readonly ResourceKind<V1Endpoints> Endpoints = Of<V1Endpoints>();
    public static readonly ResourceKind<V1ConfigMap> ConfigMap = Of<V1ConfigMap>();
    public static readonly ResourceKind<V1Secret> Secret = Of<V1Secret>();
    public static readonly ResourceKind<V1ServiceAccount> ServiceAccount = Of<V1ServiceAccount>();
    public static readonly ResourceKind<V1Deployment> Deployment = Of<V1Deployment>();
    public static readonly ResourceKind<V1ReplicaSet> ReplicaSet = Of<V1ReplicaSet>();
    public static readonly ResourceKind<V1ReplicationController> ReplicationController = Of<V1ReplicationController>();
    public static readonly ResourceKind<V1ResourceQuota> ResourceQuota = Of<V1ResourceQuota>();
    public static readonly ResourceKind<V1Lease> Lease = Of<V1Lease>();
    public static readonly ResourceKind<Corev1Event> Event = Of<Corev1Event>();
    public static readonly ResourceKind<V1PriorityClass> PriorityClass = Of<V1PriorityClass>(namespaced: false);

    public static readonly ResourceKind<V1ClusterRole> ClusterRole = Of<V1ClusterRole>(namespaced: false);
    public static readonly ResourceKind<V1CertificateSigningRequest> CertificateSigningRequest = Of<V1CertificateSigningRequest>(namespaced: false);
    public static readonly ResourceKind<V1PersistentVolume> PersistentVolume = Of<V1PersistentVolume>(namespaced: false);
    public static readonly ResourceKind<V1PersistentVolumeClaim> PersistentVolumeClaim = Of<V1PersistentVolumeClaim>();

    private static ResourceKind<T> Of<T>(bool namespaced = true)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var entity = typeof(T).GetCustomAttribute<KubernetesEntityAttribute>()
            ?? throw new InvalidOperationException($"{typeof(T)} is not a Kubernetes kind.");
        return new ResourceKind<T>(entity.Group, entity.ApiVersion, entity.PluralName, entity.Kind, namespaced);
    }
}
