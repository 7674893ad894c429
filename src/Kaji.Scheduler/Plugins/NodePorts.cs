using Kaji.Client;
using k8s.Models;
using Kaji.Scheduler.Cache;

namespace Kaji.Scheduler.Plugins;

/// <summary>Host ports are given once a node.</summary>
public sealed class NodePorts : IFilterPlugin
{
    public IReadOnlyList<string>? Filter(V1Pod pod, PodRequest request, NodeSnapshot node, IReadOnlyCollection<NodeSnapshot> all) =>
        request.HostPorts.Count > 0 && node.Pods.Any(p => p.Request.HostPorts.Any(taken => request.HostPorts.Any(wanted => Conflict(taken, wanted))))
            ? ["node(s) didn't have free ports for the requested pod ports"] : null;

    private static bool Conflict((string Protocol, string IP, int Port) a, (string Protocol, string IP, int Port) b) =>
        a.Protocol == b.Protocol && a.Port == b.Port && (a.IP == b.IP || a.IP is "" or "0.0.0.0" || b.IP is "" or "0.0.0.0");
}
