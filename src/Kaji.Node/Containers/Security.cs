using k8s.Models;
using Kaji.Engine;

namespace Kaji.Node.Containers;

/// <summary>The security context of a container: its own settings over the Pod's over the defaults.</summary>
internal static class Security
{
    public static SecurityOptions Of(V1Pod pod, V1Container container)
    {
        var (own, shared) = (container.SecurityContext, pod.Spec.SecurityContext);
        var groups = new List<long>(shared?.SupplementalGroups?.OfType<long>() ?? []);
        if (shared?.FsGroup is { } fsGroup)
        {
            groups.Add(fsGroup);
        }

        var seccomp = own?.SeccompProfile ?? shared?.SeccompProfile;
        var privileged = own?.Privileged == true;
        return new SecurityOptions
        {
            Privileged = privileged,
            ReadOnlyRootfs = own?.ReadOnlyRootFilesystem == true,
            AllowPrivilegeEscalation = own?.AllowPrivilegeEscalation ?? true,
            RunAsUser = own?.RunAsUser ?? shared?.RunAsUser,
            RunAsGroup = own?.RunAsGroup ?? shared?.RunAsGroup,
            RunAsNonRoot = own?.RunAsNonRoot ?? shared?.RunAsNonRoot ?? false,
            SupplementalGroups = groups,
            AddCapabilities = [.. own?.Capabilities?.Add ?? []],
            DropCapabilities = [.. own?.Capabilities?.Drop ?? []],
            Seccomp = privileged ? "Unconfined" : seccomp?.Type switch
            {
                "Unconfined" => "Unconfined",
                "Localhost" => seccomp.LocalhostProfile,
                _ => "RuntimeDefault",
            },
        };
    }
}
