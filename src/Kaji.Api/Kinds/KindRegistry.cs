using Kaji.Api.Kinds.Admission;
using Kaji.Api.Kinds.Apiregistration;
using Kaji.Api.Kinds.Apps;
using Kaji.Api.Kinds.Autoscaling;
using Kaji.Api.Kinds.Batch;
using Kaji.Api.Kinds.Certificates;
using Kaji.Api.Kinds.Coordination;
using Kaji.Api.Kinds.Core;
using Kaji.Api.Kinds.Core.Pods;
using Kaji.Api.Kinds.Discovery;
using Kaji.Api.Kinds.Flowcontrol;
using Kaji.Api.Kinds.Networking;
using Kaji.Api.Kinds.Node;
using Kaji.Api.Kinds.Policy;
using Kaji.Api.Kinds.Rbac;
using Kaji.Api.Kinds.Resource;
using Kaji.Api.Kinds.Scheduling;
using Kaji.Api.Kinds.Storage;

namespace Kaji.Api.Kinds;

/// <summary>Which behaviour a kind has. A kind that is not named here and has a status subresource behaves as <see cref="StatusKind"/>, others as the base.</summary>
public static class KindRegistry
{
    private static readonly KindBehavior Plain = new();
    private static readonly KindBehavior WithStatus = new StatusKind();

    private static readonly Dictionary<(string Group, string Kind), KindBehavior> Named = new()
    {
        [("", "Pod")] = new PodKind(),
        [("", "PodTemplate")] = new PodTemplateKind(),
        [("", "Service")] = new ServiceKind(),
        [("", "ConfigMap")] = new ConfigMapKind(),
        [("", "Secret")] = new SecretKind(),
        [("", "Namespace")] = new NamespaceKind(),
        [("", "Node")] = new NodeKind(),
        [("", "Event")] = new EventKind(),
        [("", "Endpoints")] = new EndpointsKind(),
        [("", "LimitRange")] = new LimitRangeKind(),
        [("", "ResourceQuota")] = new ResourceQuotaKind(),
        [("", "ReplicationController")] = new ReplicationControllerKind(),
        [("", "PersistentVolumeClaim")] = new PersistentVolumeClaimKind(),
        [("", "PersistentVolume")] = new PersistentVolumeKind(),
        [("discovery.k8s.io", "EndpointSlice")] = new EndpointSliceKind(),
        [("apps", "Deployment")] = new DeploymentKind(),
        [("apps", "ReplicaSet")] = new ReplicaSetKind(),
        [("apps", "StatefulSet")] = new StatefulSetKind(),
        [("apps", "DaemonSet")] = new DaemonSetKind(),
        [("apps", "ControllerRevision")] = new ControllerRevisionKind(),
        [("batch", "Job")] = new JobKind(),
        [("batch", "CronJob")] = new CronJobKind(),
        [("coordination.k8s.io", "Lease")] = new LeaseKind(),
        [("rbac.authorization.k8s.io", "RoleBinding")] = new RoleBindingKind(),
        [("rbac.authorization.k8s.io", "ClusterRoleBinding")] = new RoleBindingKind(),
        [("rbac.authorization.k8s.io", "Role")] = new RoleKind(),
        [("rbac.authorization.k8s.io", "ClusterRole")] = new RoleKind(),
        [("scheduling.k8s.io", "PriorityClass")] = new PriorityClassKind(),
        [("storage.k8s.io", "StorageClass")] = new StorageClassKind(),
        [("networking.k8s.io", "NetworkPolicy")] = new NetworkPolicyKind(),
        [("autoscaling", "HorizontalPodAutoscaler")] = new HorizontalPodAutoscalerKind(),
        [("flowcontrol.apiserver.k8s.io", "FlowSchema")] = new FlowSchemaKind(),
        [("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration")] = new PriorityLevelConfigurationKind(),
        [("networking.k8s.io", "IPAddress")] = new IPAddressKind(),
        [("networking.k8s.io", "Ingress")] = new IngressKind(),
        [("networking.k8s.io", "IngressClass")] = new IngressClassKind(),
        [("networking.k8s.io", "ServiceCIDR")] = new ServiceCIDRKind(),
        [("node.k8s.io", "RuntimeClass")] = new RuntimeClassKind(),
        [("policy", "PodDisruptionBudget")] = new PodDisruptionBudgetKind(),
        [("resource.k8s.io", "DeviceClass")] = new DeviceClassKind(),
        [("resource.k8s.io", "ResourceClaim")] = new ResourceClaimKind(),
        [("resource.k8s.io", "ResourceClaimTemplate")] = new ResourceClaimTemplateKind(),
        [("resource.k8s.io", "ResourceSlice")] = new ResourceSliceKind(),
        [("storage.k8s.io", "CSIDriver")] = new CSIDriverKind(),
        [("storage.k8s.io", "CSINode")] = new CSINodeKind(),
        [("storage.k8s.io", "CSIStorageCapacity")] = new CSIStorageCapacityKind(),
        [("storage.k8s.io", "VolumeAttachment")] = new VolumeAttachmentKind(),
        [("storage.k8s.io", "VolumeAttributesClass")] = new VolumeAttributesClassKind(),
        [("admissionregistration.k8s.io", "MutatingWebhookConfiguration")] = new WebhookConfigurationKind(),
        [("admissionregistration.k8s.io", "ValidatingWebhookConfiguration")] = new WebhookConfigurationKind(),
        [("admissionregistration.k8s.io", "MutatingAdmissionPolicy")] = new AdmissionPolicyKind(),
        [("admissionregistration.k8s.io", "ValidatingAdmissionPolicy")] = new AdmissionPolicyKind(),
        [("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding")] = new AdmissionPolicyBindingKind(),
        [("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding")] = new AdmissionPolicyBindingKind(),
        [("apiregistration.k8s.io", "APIService")] = new APIServiceKind(),
        [("apiextensions.k8s.io", "CustomResourceDefinition")] = new CustomResources.DefinitionKind(),
        [("certificates.k8s.io", "CertificateSigningRequest")] = new CertificateSigningRequestKind(),
    };

    /// <summary>The behaviour of a resource; a custom one brings its own.</summary>
    public static KindBehavior BehaviorFor(ResourceInfo resource) =>
        resource.Custom is { } custom ? custom.Behavior
        : Named.TryGetValue((resource.Group, resource.Kind), out var named) ? named
        : resource.Subresources.Any(s => s.Name == "status") ? WithStatus
        : Plain;
}
