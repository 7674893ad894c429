using k8s.Models;

namespace Kaji.Node.Pods;

/// <summary>A container added by <c>kubectl debug</c>, as a container like the others: the fields are the same ones, without what it may not have (ports, probes, hooks).</summary>
internal static class EphemeralContainers
{
    public static V1Container AsContainer(V1EphemeralContainer added) => new()
    {
        Name = added.Name, Image = added.Image, ImagePullPolicy = added.ImagePullPolicy, Command = added.Command, Args = added.Args, Env = added.Env, EnvFrom = added.EnvFrom,
        WorkingDir = added.WorkingDir, VolumeMounts = added.VolumeMounts, SecurityContext = added.SecurityContext, Resources = added.Resources, Stdin = added.Stdin, StdinOnce = added.StdinOnce,
        Tty = added.Tty, TerminationMessagePath = added.TerminationMessagePath, TerminationMessagePolicy = added.TerminationMessagePolicy,
    };
}
