using k8s.Models;
using Kaji.Client;

namespace Kaji.Node.Pods;

/// <summary>
/// The node's own look before a Pod runs: a Pod may come with <c>spec.nodeName</c> set past the scheduler, or two schedulers may have given the same room twice.
/// A Pod that finds no room fails at once, as kubelet has it.
/// </summary>
internal sealed class PodAdmission(IReadOnlyDictionary<string, long> allocatable)
{
    /// <param name="present">Pods that hold room here.</param>
    /// <returns>Null when the Pod fits.</returns>
    public (string Reason, string Message)? Refusal(V1Pod pod, IEnumerable<V1Pod> present)
    {
        var asked = PodRequest.Of(pod);
        var used = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var request in present.Select(PodRequest.Of))
        {
            foreach (var (name, amount) in request.Resources)
            {
                used[name] = used.GetValueOrDefault(name) + amount;
            }

            if (asked.HostPorts.FirstOrDefault(a => request.HostPorts.Any(p => Collide(a, p))) is { Port: > 0 })
            {
                return ("NodePorts", "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports");
            }
        }

        foreach (var (name, amount) in asked.Resources.Where(r => r.Value > 0))
        {
            if (used.GetValueOrDefault(name) + amount > allocatable.GetValueOrDefault(name))
            {
                return ($"OutOf{name}", $"Pod was rejected: Node didn't have enough resource: {name}, requested: {amount}, used: {used.GetValueOrDefault(name)}, capacity: {allocatable.GetValueOrDefault(name)}");
            }
        }

        return null;
    }

    private static bool Collide((string Protocol, string IP, int Port) a, (string Protocol, string IP, int Port) b) =>
        a.Protocol == b.Protocol && a.Port == b.Port && (a.IP == b.IP || Any(a.IP) || Any(b.IP));

    private static bool Any(string ip) => ip is "" or "0.0.0.0" or "::";
}
