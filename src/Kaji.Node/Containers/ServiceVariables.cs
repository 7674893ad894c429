using System.Globalization;
using k8s.Models;

namespace Kaji.Node.Containers;

/// <summary>The variables that tell a Pod of the Services of its namespace (and of the API server always): <c>WEB_SERVICE_HOST</c>, <c>WEB_PORT_80_TCP</c> …</summary>
internal static class ServiceVariables
{
    public static IEnumerable<KeyValuePair<string, string>> Of(IReadOnlyCollection<V1Service> services, V1Pod pod)
    {
        var links = pod.Spec.EnableServiceLinks != false;
        foreach (var service in services)
        {
            var own = service.Metadata.NamespaceProperty == pod.Metadata.NamespaceProperty;
            var api = service.Metadata is { NamespaceProperty: "default", Name: "kubernetes" };
            if ((!own || !links) && !api || service.Spec.ClusterIP is null or "" or "None" || service.Spec.Ports is not { Count: > 0 } ports)
            {
                continue;
            }

            var prefix = service.Metadata.Name.ToUpperInvariant().Replace('-', '_');
            var ip = service.Spec.ClusterIP;
            yield return KeyValuePair.Create($"{prefix}_SERVICE_HOST", ip);
            yield return KeyValuePair.Create($"{prefix}_SERVICE_PORT", ports[0].Port.ToString(CultureInfo.InvariantCulture));
            foreach (var port in ports.Where(p => !string.IsNullOrEmpty(p.Name)))
            {
                yield return KeyValuePair.Create($"{prefix}_SERVICE_PORT_{port.Name.ToUpperInvariant().Replace('-', '_')}", port.Port.ToString(CultureInfo.InvariantCulture));
            }

            yield return KeyValuePair.Create($"{prefix}_PORT", $"{(ports[0].Protocol ?? "TCP").ToLowerInvariant()}://{ip}:{ports[0].Port}");
            foreach (var port in ports)
            {
                var protocol = port.Protocol ?? "TCP";
                var name = $"{prefix}_PORT_{port.Port}_{protocol}";
                yield return KeyValuePair.Create(name, $"{protocol.ToLowerInvariant()}://{ip}:{port.Port}");
                yield return KeyValuePair.Create(name + "_PROTO", protocol.ToLowerInvariant());
                yield return KeyValuePair.Create(name + "_PORT", port.Port.ToString(CultureInfo.InvariantCulture));
                yield return KeyValuePair.Create(name + "_ADDR", ip);
            }
        }
    }
}
