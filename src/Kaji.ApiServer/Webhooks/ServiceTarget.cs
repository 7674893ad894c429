using Kaji.Api.Kinds;
using Kaji.ApiServer.Registry;

namespace Kaji.ApiServer.Webhooks;

/// <summary>Where a Service's port is answered: one of its ready Pods, as the EndpointSlices say.</summary>
internal static class ServiceTarget
{
    private static readonly ResourceInfo Services = BuiltInResources.Find("", "v1", "services")!;
    private static readonly ResourceInfo Slices = BuiltInResources.Find("discovery.k8s.io", "v1", "endpointslices")!;

    /// <exception cref="WebhookException">No such Service, port, or nobody behind it.</exception>
    public static (string Host, int Port) Find(IObjectRegistry objects, string ns, string name, long port)
    {
        var spec = (objects.Get(Services, ns, name) ?? throw new WebhookException($"service \"{name}\" not found")).Obj("spec");
        if (spec.Str("type") == "ExternalName")
        {
            return (spec.Str("externalName"), (int)port);
        }

        var wanted = spec.Items("ports").FirstOrDefault(p => p.Int("port") == port) ?? throw new WebhookException($"no service port {port} found for service \"{name}\"");
        var found = new List<(string, int)>();
        foreach (var slice in objects.List(Slices, ns).Where(s => s.Obj("metadata").Obj("labels").Str("kubernetes.io/service-name") == name))
        {
            if (slice.Items("ports").FirstOrDefault(p => p.Str("name") == wanted.Str("name")).Int("port") is not { } target)
            {
                continue;
            }

            found.AddRange(slice.Items("endpoints").Where(e => e.Obj("conditions").Bool("ready") != false).Select(e => e["addresses"]?[0].Text() ?? "").Where(a => a.Length > 0).Select(a => (a, (int)target)));
        }

        return found.Count == 0 ? throw new WebhookException($"no endpoints available for service \"{name}\"") : found[Random.Shared.Next(found.Count)];
    }
}
